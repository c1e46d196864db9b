// grpc-js calls that can be awaited: each ends as one value with its answers, headers, trailers and status.
'use strict';

const assert = require('node:assert/strict');
const http2 = require('node:http2');
const zlib = require('node:zlib');
const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');
const { Echo } = require('./definitions');

const { status } = grpc;

/** A server as the checks know it: an address, and how to speak to it. */
class ServerUnderTest {
  /** tls: the files' contents as { ca, key, cert }, or nothing for plaintext. */
  constructor(address, tls) {
    this.address = address;
    this.tls = tls;
    this.compressed = this; // Where compressed answers are to be had.
  }

  /** Channels are not shared between checks: what one does to a connection must not reach the next. */
  connect(options = {}, Service = Echo) {
    const credentials = this.tls
      ? grpc.credentials.createSsl(this.tls.ca, this.tls.key, this.tls.cert)
      : grpc.credentials.createInsecure();
    return new Service(this.address, credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  /** The server learns of a cancellation a moment later than the client; ask until it has. */
  async assertOutcome(callId, expected) {
    const client = this.connect();
    let outcome;
    for (let tries = 0; tries < 400; tries++) {
      outcome = await new Promise((resolve, reject) => {
        client.Outcome({ call_id: callId }, (error, answer) => error ? reject(error) : resolve(answer.outcome));
      });
      if (outcome === expected) {
        client.close();
        return;
      }
      await sleep(50);
    }
    assert.fail(`the server still calls it ${outcome}, not ${expected}`);
  }

  /** Waits until the server is at work on a call, so that cancelling it cannot come before it. */
  async started(callId) {
    await this.assertOutcome(callId, 'RUNNING');
  }

  /** A unary call, its request compressed, on Node's own HTTP/2: nothing of grpc-js between us and the frames. */
  async rawGzipUnary(request, extraHeaders) {
    const session = this.tls ? http2.connect(`https://${this.address}`, this.tls) : http2.connect(`http://${this.address}`);
    session.on('error', () => { }); // The stream reports it too, where it can be awaited.
    try {
      const message = zlib.gzipSync(Echo.service.Unary.requestSerialize(request));
      const head = Buffer.alloc(5);
      head.writeUInt8(1, 0);
      head.writeUInt32BE(message.length, 1);
      const stream = session.request({
        ':method': 'POST',
        ':path': Echo.service.Unary.path,
        'content-type': 'application/grpc',
        'grpc-encoding': 'gzip',
        te: 'trailers',
        ...extraHeaders,
      });
      const seen = { headers: {}, trailers: {}, body: null };
      stream.on('response', headers => { seen.headers = headers; });
      stream.on('trailers', trailers => { seen.trailers = trailers; });
      stream.end(Buffer.concat([head, message]));
      const chunks = [];
      for await (const chunk of stream) {
        chunks.push(chunk);
      }
      seen.body = Buffer.concat(chunks);
      return seen;
    } finally {
      session.close();
    }
  }
}

/** Deadlines are given as milliseconds from now. */
function callOptions({ deadline } = {}) {
  return deadline === undefined ? {} : { deadline: Date.now() + deadline };
}

/** What is known of a call when it is over: answers, headers, trailers, status. Never rejects. */
function collect(call) {
  const seen = { answers: [], initial: null, trailing: null, code: null, details: null };
  call.on('metadata', metadata => { seen.initial = metadata; });
  call.on('data', answer => seen.answers.push(answer));
  call.on('error', () => { }); // Said again, and better, by 'status'.
  call.on('status', ({ code, details, metadata }) => {
    Object.assign(seen, { code, details, trailing: metadata });
  });
  // The status may overtake answers that are still to be read, and it does when the reader paused.
  const ended = Promise.all(['status', 'end'].map(name => new Promise(resolve => call.on(name, resolve)))).then(() => seen);
  return { seen, ended };
}

/** A unary or client-streaming call: the call itself, and the promise of how it ends. */
function single(start) {
  const result = { answers: [], initial: null, trailing: null, code: null, details: null };
  let call;
  const ended = new Promise(resolve => {
    call = start((error, answer) => {
      if (!error) {
        result.answers.push(answer);
      }
    });
    call.on('metadata', metadata => { result.initial = metadata; });
    call.on('status', ({ code, details, metadata }) => {
      Object.assign(result, { code, details, trailing: metadata });
      setImmediate(() => resolve(result)); // After the callback above.
    });
  });
  return { call, ended };
}

function unary(client, request, { metadata = new grpc.Metadata(), ...options } = {}) {
  return single(done => client.Unary(request, metadata, callOptions(options), done));
}

async function unaryAnswer(client, request, options) {
  return onlyAnswer(await unary(client, request, options).ended);
}

function onlyAnswer(result) {
  assert.equal(result.code, status.OK, `status ${result.code}: ${result.details}`);
  assert.equal(result.answers.length, 1);
  return result.answers[0];
}

function clientStream(client, { metadata = new grpc.Metadata(), ...options } = {}) {
  return single(done => client.ClientStream(metadata, callOptions(options), done));
}

function serverStream(client, request, { metadata = new grpc.Metadata(), ...options } = {}) {
  const call = client.ServerStream(request, metadata, callOptions(options));
  return { call, ...collect(call) };
}

function duplex(client, { metadata = new grpc.Metadata(), ...options } = {}) {
  const call = client.Duplex(metadata, callOptions(options));
  return { call, ...collect(call) };
}

async function write(call, request) {
  if (!call.write(request)) {
    await once(call, 'drain');
  }
}

function assertStatus(result, code, details) {
  assert.equal(result.code, code, `status ${result.code}: ${result.details}`);
  if (details !== undefined) {
    assert.equal(result.details, details);
  }
}

function assertSameBytes(actual, expected) {
  // Not deepEqual, whose message would hold megabytes.
  assert.ok(Buffer.compare(actual, expected) === 0, `${actual.length} bytes differ from the ${expected.length} expected`);
}

let calls = 0;
function newCallId() {
  return `${process.pid}-${Date.now()}-${++calls}`;
}

module.exports = {
  ServerUnderTest,
  assertSameBytes,
  assertStatus,
  clientStream,
  duplex,
  newCallId,
  onlyAnswer,
  serverStream,
  single,
  unary,
  unaryAnswer,
  write,
};
