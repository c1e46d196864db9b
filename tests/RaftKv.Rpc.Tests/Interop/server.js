// The Echo service of interop.proto on grpc-js, for our client to call.
//
//   node server.js [--cert FILE --key FILE [--client-ca FILE]] [--max-connection-age-ms N]
//
// Prints one line, {"port": N, "gzip_port": M}, when both ports listen. It ends when its standard input does, so that
// it cannot outlive the test that started it.
//
// grpc-js cannot compress answers. Unary and ServerStream on gzip_port are therefore framed by hand on Node's own
// HTTP/2 and zlib, and always answer compressed; that port is plaintext only.
'use strict';

const fs = require('node:fs');
const http2 = require('node:http2');
const zlib = require('node:zlib');
const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');
const { Echo, Health, maxMessageBytes, parseArguments, pattern } = require('./definitions');

const { named } = parseArguments(process.argv.slice(2));
const outcomes = new Map();

/** One call as the handlers see it: what it has read, what it has answered, whether anybody still listens. */
class EchoCall {
  constructor(call) {
    this.call = call;
    this.received = 0;
    this.receivedBytes = 0;
    this.answered = 0;
    this.cancelled = new AbortController();
    this.callId = '';
    this.trailers = new grpc.Metadata();
    call.on('cancelled', () => {
      this.cancelled.abort();
      this.remember('CANCELLED');
    });
    this.echoMetadata();
  }

  echoMetadata() {
    const initial = new grpc.Metadata();
    for (const key of Object.keys(this.call.metadata.getMap())) {
      for (const value of this.call.metadata.get(key)) {
        if (key.startsWith('echo-initial-')) {
          initial.add(key, value);
        } else if (key.startsWith('echo-trailing-')) {
          this.trailers.add(key, value);
        }
      }
    }
    this.call.sendMetadata(initial);
  }

  read(request) {
    this.received++;
    this.receivedBytes += request.payload.length;
    if (request.call_id !== '') {
      this.callId = request.call_id;
      this.remember('RUNNING');
    }
  }

  // The first end counts: a handler may still come to its own after a cancellation, and grpc-js reports every call
  // as cancelled when its stream closes.
  remember(outcome) {
    const known = outcomes.get(this.callId);
    if (this.callId !== '' && (known === undefined || known === 'RUNNING')) {
      outcomes.set(this.callId, outcome);
    }
  }

  async answer(request, text = request.text) {
    if (request.sleep_ms > 0) { // A timer of 0 ms still takes one.
      await sleep(request.sleep_ms, undefined, { signal: this.cancelled.signal });
    }
    return {
      payload: request.response_size > 0 ? pattern(request.response_size) : request.payload,
      text,
      index: this.answered++,
      received: this.received,
      received_bytes: this.receivedBytes,
      remaining_ms: remaining(this.call.getDeadline()),
      metadata: echoedHeaders(this.call.metadata),
    };
  }

  async write(request) {
    for (let i = 0; i < request.count; i++) {
      if (!this.call.write(await this.answer(request))) {
        await once(this.call, 'drain', { signal: this.cancelled.signal });
      }
    }
  }

  failure(request) {
    return { code: request.fail_code, details: request.fail_text, metadata: this.trailers };
  }
}

function remaining(deadline) {
  const at = Number(deadline);
  return Number.isFinite(at) ? Math.max(1, at - Date.now()) : 0;
}

function echoedHeaders(metadata) {
  const headers = [];
  for (const key of Object.keys(metadata.getMap()).filter(name => name.startsWith('echo-'))) {
    for (const value of metadata.get(key)) {
      headers.push({ key, value: Buffer.from(value) });
    }
  }
  return headers;
}

/** A handler that rejects because its call was cancelled has nobody left to tell. */
function unlessCancelled(echo, failed) {
  return error => {
    if (!echo.cancelled.signal.aborted) {
      failed(error);
    }
  };
}

const service = {
  Unary(call, done) {
    const echo = new EchoCall(call);
    echo.read(call.request);
    echo.answer(call.request).then(answer => {
      echo.remember('COMPLETED');
      if (call.request.fail_code !== 0) {
        done(echo.failure(call.request));
      } else {
        done(null, answer, echo.trailers);
      }
    }).catch(unlessCancelled(echo, done));
  },

  ClientStream(call, done) {
    const echo = new EchoCall(call);
    const texts = [];
    let last = { payload: Buffer.alloc(0), sleep_ms: 0, response_size: 0 };
    let ended = false;
    call.on('data', request => {
      if (ended) {
        return;
      }
      echo.read(request);
      texts.push(request.text);
      last = request;
      if (request.fail_code !== 0) {
        ended = true;
        echo.remember('COMPLETED');
        done(echo.failure(request));
      }
    });
    call.on('end', () => {
      if (ended) {
        return;
      }
      ended = true;
      echo.answer(last, texts.join('')).then(answer => {
        echo.remember('COMPLETED');
        done(null, answer, echo.trailers);
      }).catch(unlessCancelled(echo, done));
    });
  },

  ServerStream(call) {
    const echo = new EchoCall(call);
    echo.read(call.request);
    echo.write(call.request).then(() => {
      echo.remember('COMPLETED');
      if (call.request.fail_code !== 0) {
        call.emit('error', echo.failure(call.request));
      } else {
        call.end(echo.trailers);
      }
    }).catch(unlessCancelled(echo, error => call.emit('error', error)));
  },

  Duplex(call) {
    const echo = new EchoCall(call);
    answerEach(call, echo).catch(unlessCancelled(echo, error => call.emit('error', error)));
  },

  Outcome(call, done) {
    done(null, { outcome: outcomes.get(call.request.call_id) ?? 'UNKNOWN' });
  },
};

async function answerEach(call, echo) {
  let failing = null;
  // Leaving the loop must not destroy the call: its status has yet to be sent.
  for await (const request of call.iterator({ destroyOnReturn: false })) {
    echo.read(request);
    await echo.write(request);
    if (request.fail_code !== 0) {
      failing = request;
      break;
    }
  }
  echo.remember('COMPLETED');
  if (failing !== null) {
    call.emit('error', echo.failure(failing));
  } else {
    call.end(echo.trailers);
  }
}

const healthService = {
  Check(call, done) {
    if (call.request.service === '') {
      done(null, { status: 'SERVING' });
    } else {
      done({ code: grpc.status.NOT_FOUND, details: 'unknown service' });
    }
  },

  Watch(call) {
    call.write({ status: call.request.service === '' ? 'SERVING' : 'SERVICE_UNKNOWN' });
  },
};

function credentials() {
  if (!named.cert) {
    return grpc.ServerCredentials.createInsecure();
  }
  const clientCa = named['client-ca'] ? fs.readFileSync(named['client-ca']) : null;
  const pair = { cert_chain: fs.readFileSync(named.cert), private_key: fs.readFileSync(named.key) };
  return grpc.ServerCredentials.createSsl(clientCa, [pair], clientCa !== null);
}

function listen() {
  const options = {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
  };
  if (named['max-connection-age-ms']) {
    options['grpc.max_connection_age_ms'] = Number(named['max-connection-age-ms']);
    options['grpc.max_connection_age_grace_ms'] = 10000;
  }
  const server = new grpc.Server(options);
  server.addService(Echo.service, service);
  server.addService(Health.service, healthService);
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials(), (error, port) => error ? reject(error) : resolve(port));
  });
}

// ---- The compressed port ----

/** A message as it travels: whether it is compressed, its length, itself. */
function gzipFrame(message) {
  const body = zlib.gzipSync(message);
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

async function answerCompressed(stream, headers) {
  const method = Object.values(Echo.service).find(each => each.path === headers[':path']);
  const accepted = String(headers['grpc-accept-encoding'] ?? '').split(',').map(name => name.trim());
  const head = { ':status': 200, 'content-type': 'application/grpc' };
  if (method === undefined || method.requestStream || !accepted.includes('gzip')) {
    const details = method === undefined || method.requestStream ? 'only Unary and ServerStream' : 'the caller takes no gzip';
    stream.respond({ ...head, 'grpc-status': grpc.status.UNIMPLEMENTED, 'grpc-message': encodeURI(details) }, { endStream: true });
    return;
  }

  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  const frame = Buffer.concat(chunks);
  const body = frame.subarray(5);
  const request = method.requestDeserialize(frame[0] === 1 ? zlib.gunzipSync(body) : body);
  stream.respond({ ...head, 'grpc-encoding': 'gzip' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const count = method.responseStream ? request.count : 1;
  for (let index = 0; index < count; index++) {
    if (request.sleep_ms > 0) {
      await sleep(request.sleep_ms);
    }
    const payload = request.response_size > 0 ? pattern(request.response_size) : request.payload;
    const answer = { payload, text: request.text, index, received: 1, received_bytes: request.payload.length };
    if (!stream.write(gzipFrame(method.responseSerialize(answer)))) {
      await once(stream, 'drain');
    }
  }
  stream.end();
}

function listenCompressed() {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => { }); // The caller went away; there is nothing to clean up.
    answerCompressed(stream, headers).catch(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

process.stdin.on('end', () => process.exit(0)).resume();
Promise.all([listen(), listenCompressed()]).then(([port, gzipPort]) => {
  process.stdout.write(`${JSON.stringify({ port, gzip_port: gzipPort })}\n`);
}).catch(error => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
