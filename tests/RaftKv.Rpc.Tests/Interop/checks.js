// What client.js asks of a server: one function per check, named like the sentence it proves.
'use strict';

const assert = require('node:assert/strict');
const zlib = require('node:zlib');
const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');
const {
  assertSameBytes, assertStatus, clientStream, duplex, newCallId, onlyAnswer, serverStream, single, unary, unaryAnswer, write,
} = require('./calls');
const { Echo, Health, maxMessageBytes, pattern } = require('./definitions');

const { status } = grpc;
const gzip = { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip };
const text = 'grüße, 世界, 🙂';
const failText = 'Schlüssel „größe“ fehlt: 100 % von 値\nzweite Zeile';

module.exports = {
  async unary(server) {
    const answer = await unaryAnswer(server.connect(), { payload: Buffer.from([0, 1, 255]), text });
    assertSameBytes(answer.payload, Buffer.from([0, 1, 255]));
    assert.equal(answer.text, text);
    assert.equal(answer.received, 1);
    assert.equal(answer.received_bytes, 3);
    assert.equal(answer.remaining_ms, 0);
  },

  async unary_with_nothing_in_it(server) {
    const answer = await unaryAnswer(server.connect(), {});
    assert.equal(answer.payload.length, 0);
    assert.equal(answer.text, '');
  },

  async unary_large_both_ways(server) {
    const payload = pattern(8 * 1024 * 1024);
    const answer = await unaryAnswer(server.connect(), { payload });
    assertSameBytes(answer.payload, payload);
  },

  async unary_many_at_once_on_one_connection(server) {
    const client = server.connect();
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => unaryAnswer(client, { text: `${i}`, payload: pattern(i) })));
    answers.forEach((answer, i) => {
      assert.equal(answer.text, `${i}`);
      assertSameBytes(answer.payload, pattern(i));
    });
  },

  async unary_one_after_the_other(server) {
    const client = server.connect();
    for (let i = 0; i < 500; i++) {
      assert.equal((await unaryAnswer(client, { text: `${i}` })).text, `${i}`);
    }
  },

  async client_stream(server) {
    const { call, ended } = clientStream(server.connect());
    for (let i = 0; i < 1000; i++) {
      await write(call, { text: `${i},`, payload: pattern(i) });
    }
    call.end();
    const answer = onlyAnswer(await ended);
    assert.equal(answer.received, 1000);
    assert.equal(answer.received_bytes, 999 * 1000 / 2);
    assert.equal(answer.text, Array.from({ length: 1000 }, (_, i) => `${i},`).join(''));
    assertSameBytes(answer.payload, pattern(999));
  },

  async client_stream_of_nothing(server) {
    const { call, ended } = clientStream(server.connect());
    call.end();
    assert.equal(onlyAnswer(await ended).received, 0);
  },

  async client_stream_of_large_messages(server) {
    const { call, ended } = clientStream(server.connect());
    const payload = pattern(1024 * 1024);
    for (let i = 0; i < 32; i++) {
      await write(call, { payload });
    }
    call.end();
    assert.equal(onlyAnswer(await ended).received_bytes, 32 * 1024 * 1024);
  },

  async client_stream_ended_early_by_the_server(server) {
    const { call, ended } = clientStream(server.connect());
    call.on('error', () => { });
    call.write({ text: 'good' });
    call.write({ fail_code: status.FAILED_PRECONDITION, fail_text: failText });
    // The stream stays open from this side: the status must not wait for its end.
    assertStatus(await ended, status.FAILED_PRECONDITION, failText);
  },

  async server_stream(server) {
    const result = await serverStream(server.connect(), { text, count: 1000, response_size: 100 }).ended;
    assertStatus(result, status.OK);
    assert.deepEqual(result.answers.map(answer => answer.index), Array.from({ length: 1000 }, (_, i) => i));
    result.answers.forEach(answer => assertSameBytes(answer.payload, pattern(100)));
  },

  async server_stream_of_nothing(server) {
    const result = await serverStream(server.connect(), { count: 0 }).ended;
    assertStatus(result, status.OK);
    assert.equal(result.answers.length, 0);
  },

  async server_stream_to_a_slow_reader(server) {
    // 64 MiB, far more than any window: the server has to wait for the reader.
    const { call, ended, seen } = serverStream(server.connect(), { count: 256, response_size: 256 * 1024 });
    for (let i = 0; i < 5; i++) {
      await sleep(50);
      call.pause();
      await sleep(50);
      call.resume();
    }
    await ended;
    assertStatus(seen, status.OK);
    assert.equal(seen.answers.length, 256);
    seen.answers.forEach(answer => assertSameBytes(answer.payload, pattern(256 * 1024)));
  },

  async server_stream_beside_a_stalled_one(server) {
    // On one connection: a stream that nobody reads must not hold up the others.
    const client = server.connect();
    const stalled = client.ServerStream({ count: 1000, response_size: 64 * 1024 });
    stalled.on('error', () => { });
    await sleep(200);
    assert.equal((await unaryAnswer(client, { text }, { deadline: 10000 })).text, text);
    stalled.cancel();
  },

  async duplex_in_turn(server) {
    const client = server.connect();
    const call = client.Duplex();
    for (let i = 0; i < 200; i++) {
      call.write({ text: `${i}`, count: 1 });
      const [answer] = await once(call, 'data');
      assert.equal(answer.text, `${i}`);
      assert.equal(answer.index, i);
      assert.equal(answer.received, i + 1);
    }
    const ended = once(call, 'status');
    call.end();
    assert.equal((await ended)[0].code, status.OK);
  },

  async duplex_without_waiting(server) {
    const { call, ended } = duplex(server.connect());
    for (let i = 0; i < 1000; i++) {
      await write(call, { text: `${i}`, count: i % 3, payload: pattern(i) });
    }
    call.end();
    const result = await ended;
    assertStatus(result, status.OK);
    const expected = Array.from({ length: 1000 }, (_, i) => Array(i % 3).fill(`${i}`)).flat();
    assert.deepEqual(result.answers.map(answer => answer.text), expected);
  },

  async duplex_answers_go_on_after_the_last_request(server) {
    const { call, ended } = duplex(server.connect());
    call.write({ count: 5, sleep_ms: 50 });
    call.end();
    const result = await ended;
    assertStatus(result, status.OK);
    assert.equal(result.answers.length, 5);
  },

  async duplex_of_nothing(server) {
    const { call, ended } = duplex(server.connect());
    call.end();
    const result = await ended;
    assertStatus(result, status.OK);
    assert.equal(result.answers.length, 0);
  },

  async duplex_ended_by_the_server(server) {
    const { call, ended } = duplex(server.connect());
    call.write({ count: 2 });
    call.write({ count: 1, fail_code: status.ABORTED, fail_text: failText });
    const result = await ended;
    assertStatus(result, status.ABORTED, failText);
    assert.equal(result.answers.length, 3);
  },

  async metadata_both_ways(server) {
    const metadata = new grpc.Metadata();
    const bytes = Buffer.from([0, 10, 13, 44, 127, 128, 255]);
    metadata.set('echo-initial-text', 'printable ASCII: !"#$%&()*+-./~');
    metadata.set('echo-initial-bin', bytes);
    metadata.set('echo-trailing-text', 'a');
    metadata.set('echo-trailing-bin', Buffer.from([255]));
    for (const shape of ['Unary', 'ServerStream']) {
      const result = shape === 'Unary'
        ? await unary(server.connect(), {}, { metadata }).ended
        : await serverStream(server.connect(), { count: 1 }, { metadata }).ended;
      const answer = onlyAnswer(result);
      assert.deepEqual(result.initial.get('echo-initial-text'), ['printable ASCII: !"#$%&()*+-./~']);
      assert.deepEqual(result.initial.get('echo-initial-bin'), [bytes]);
      assert.deepEqual(result.initial.get('echo-trailing-text'), []);
      assert.deepEqual(result.trailing.get('echo-trailing-text'), ['a']);
      assert.deepEqual(result.trailing.get('echo-trailing-bin'), [Buffer.from([255])]);
      // What came back could have been passed on unread; this is what the server made of it.
      const decoded = Object.fromEntries(answer.metadata.map(header => [header.key, header.value]));
      assertSameBytes(decoded['echo-initial-bin'], bytes);
      assertSameBytes(decoded['echo-trailing-text'], Buffer.from('a'));
    }
  },

  async metadata_with_one_key_twice(server) {
    const metadata = new grpc.Metadata();
    metadata.add('echo-initial-text', 'one');
    metadata.add('echo-initial-text', 'two');
    metadata.add('echo-initial-bin', Buffer.from([1]));
    metadata.add('echo-initial-bin', Buffer.from([2, 3]));
    const { initial } = await unary(server.connect(), {}, { metadata }).ended;
    // HTTP lets anybody on the way join values of one name with a comma.
    assert.deepEqual(initial.get('echo-initial-text').flatMap(value => value.split(', ')), ['one', 'two']);
    assert.deepEqual(initial.get('echo-initial-bin'), [Buffer.from([1]), Buffer.from([2, 3])]);
  },

  async metadata_without_bytes(server) {
    const metadata = new grpc.Metadata();
    metadata.set('echo-trailing-bin', Buffer.alloc(0));
    metadata.set('echo-initial-text', '');
    const result = await unary(server.connect(), {}, { metadata }).ended;
    assertStatus(result, status.OK);
    assert.deepEqual(result.trailing.get('echo-trailing-bin'), [Buffer.alloc(0)]);
    assert.deepEqual(result.initial.get('echo-initial-text'), ['']);
  },

  async metadata_of_some_size(server) {
    const metadata = new grpc.Metadata();
    const value = pattern(4 * 1024);
    metadata.set('echo-trailing-bin', value);
    const { trailing } = await unary(server.connect(), {}, { metadata }).ended;
    assertSameBytes(trailing.get('echo-trailing-bin')[0], value);
  },

  async metadata_of_a_call_that_fails(server) {
    const metadata = new grpc.Metadata();
    metadata.set('echo-trailing-text', 'kept');
    metadata.set('echo-trailing-bin', Buffer.from([1, 2, 3]));
    for (const ended of [
      unary(server.connect(), { fail_code: status.INTERNAL }, { metadata }).ended,
      serverStream(server.connect(), { fail_code: status.INTERNAL }, { metadata }).ended,
    ]) {
      const result = await ended;
      assertStatus(result, status.INTERNAL);
      assert.deepEqual(result.trailing.get('echo-trailing-text'), ['kept']);
      assert.deepEqual(result.trailing.get('echo-trailing-bin'), [Buffer.from([1, 2, 3])]);
    }
  },

  async status_every_code(server) {
    const client = server.connect();
    for (let code = 1; code <= 16; code++) {
      assertStatus(await unary(client, { fail_code: code, fail_text: `code ${code}` }).ended, code, `code ${code}`);
    }
  },

  async status_text_beyond_ascii(server) {
    assertStatus(await unary(server.connect(), { fail_code: status.NOT_FOUND, fail_text: failText }).ended, status.NOT_FOUND, failText);
  },

  async status_text_that_looks_encoded(server) {
    const details = '100%25 %E4 %';
    assertStatus(await unary(server.connect(), { fail_code: status.NOT_FOUND, fail_text: details }).ended, status.NOT_FOUND, details);
  },

  async status_without_text(server) {
    assertStatus(await unary(server.connect(), { fail_code: status.DATA_LOSS }).ended, status.DATA_LOSS, '');
  },

  async status_after_answers(server) {
    const result = await serverStream(server.connect(), { count: 3, fail_code: status.OUT_OF_RANGE, fail_text: failText }).ended;
    assertStatus(result, status.OUT_OF_RANGE, failText);
    assert.equal(result.answers.length, 3);
  },

  async unknown_method(server) {
    const client = server.connect();
    const same = value => value;
    const { ended } = single(done => client.makeUnaryRequest('/raftkv.interop.Echo/Missing', same, same, Buffer.alloc(0), done));
    assertStatus(await ended, status.UNIMPLEMENTED);
    assert.equal((await unaryAnswer(client, { text })).text, text, 'the connection must go on');
  },

  async unknown_service(server) {
    const same = value => value;
    const { ended } = single(done => server.connect().makeUnaryRequest('/raftkv.interop.Missing/Unary', same, same, Buffer.alloc(0), done));
    assertStatus(await ended, status.UNIMPLEMENTED);
  },

  async deadline_kept(server) {
    const { remaining_ms: remaining } = await unaryAnswer(server.connect(), { sleep_ms: 10 }, { deadline: 20000 });
    assert.ok(remaining > 0 && remaining <= 20000, `the server saw ${remaining} ms`);
  },

  async deadline_passed(server) {
    const callId = newCallId();
    const began = Date.now();
    assertStatus(await unary(server.connect(), { sleep_ms: 20000, call_id: callId }, { deadline: 2000 }).ended, status.DEADLINE_EXCEEDED);
    assert.ok(Date.now() - began < 10000, `after ${Date.now() - began} ms`);
    await server.assertOutcome(callId, 'CANCELLED');
  },

  async deadline_passed_in_a_stream(server) {
    const callId = newCallId();
    const result = await serverStream(server.connect(), { count: 1000, sleep_ms: 50, call_id: callId }, { deadline: 3000 }).ended;
    assertStatus(result, status.DEADLINE_EXCEEDED);
    assert.ok(result.answers.length >= 1 && result.answers.length <= 60, `${result.answers.length} answers`);
    await server.assertOutcome(callId, 'CANCELLED');
  },

  async deadline_passed_while_sending(server) {
    const { ended } = clientStream(server.connect(), { deadline: 300 });
    assertStatus(await ended, status.DEADLINE_EXCEEDED);
  },

  async cancelled_unary(server) {
    const callId = newCallId();
    const { call, ended } = unary(server.connect(), { sleep_ms: 20000, call_id: callId });
    await server.started(callId);
    call.cancel();
    assertStatus(await ended, status.CANCELLED);
    await server.assertOutcome(callId, 'CANCELLED');
  },

  async cancelled_server_stream(server) {
    const client = server.connect();
    const callId = newCallId();
    const { call, ended } = serverStream(client, { count: 1000000, sleep_ms: 1, call_id: callId });
    await once(call, 'data');
    call.cancel();
    assertStatus(await ended, status.CANCELLED);
    await server.assertOutcome(callId, 'CANCELLED');
    assert.equal((await unaryAnswer(client, { text })).text, text, 'the connection must go on');
  },

  async cancelled_while_the_server_cannot_send(server) {
    const callId = newCallId();
    const call = server.connect().ServerStream({ count: 1000, response_size: 256 * 1024, call_id: callId });
    call.on('error', () => { });
    await server.started(callId);
    await sleep(300); // Nothing reads, so the windows are full by now.
    call.cancel();
    await server.assertOutcome(callId, 'CANCELLED');
  },

  async cancelled_duplex(server) {
    const callId = newCallId();
    const { call, ended } = duplex(server.connect());
    // The server is kept answering: Node ends a stream before it resets it, and a server that only reads may take the
    // one for an orderly end, and rightly.
    call.write({ count: 1000000, sleep_ms: 1, call_id: callId });
    await once(call, 'data');
    call.cancel();
    assertStatus(await ended, status.CANCELLED);
    await server.assertOutcome(callId, 'CANCELLED');
  },

  async completed_is_not_cancelled(server) {
    const callId = newCallId();
    await unaryAnswer(server.connect(), { call_id: callId });
    await sleep(100);
    await server.assertOutcome(callId, 'COMPLETED');
  },

  async connection_closed_by_the_client(server) {
    const client = server.connect();
    const callId = newCallId();
    const { call } = duplex(client);
    call.write({ count: 1000000, sleep_ms: 1, call_id: callId });
    await once(call, 'data');
    // A channel closes gracefully; only a call that is cancelled lets it go.
    client.close();
    call.cancel();
    await server.assertOutcome(callId, 'CANCELLED');
  },

  async gzip_request(server) {
    const payload = Buffer.alloc(1024 * 1024, 'compressible ');
    const answer = await unaryAnswer(server.connect(gzip), { payload });
    assertSameBytes(answer.payload, payload);
  },

  async gzip_request_stream(server) {
    const { call, ended } = clientStream(server.connect(gzip));
    for (let i = 0; i < 100; i++) {
      await write(call, { payload: Buffer.alloc(10000, `${i}`) });
    }
    call.end();
    assert.equal(onlyAnswer(await ended).received_bytes, 100 * 10000);
  },

  async gzip_response(server) {
    const answer = await unaryAnswer(server.compressed.connect(gzip), { response_size: 1024 * 1024 });
    assertSameBytes(answer.payload, pattern(1024 * 1024));
  },

  async gzip_response_stream(server) {
    const result = await serverStream(server.compressed.connect(gzip), { text, count: 100, response_size: 10000 }).ended;
    assertStatus(result, status.OK);
    assert.equal(result.answers.length, 100);
    result.answers.forEach(answer => assertSameBytes(answer.payload, pattern(10000)));
  },

  // grpc-js hides whether bytes were compressed, so this looks at the frames themselves.
  async gzip_response_as_bytes(server) {
    const { headers, trailers, body } = await server.compressed.rawGzipUnary(
      { response_size: 100000 },
      { 'grpc-accept-encoding': 'identity,gzip' });
    assert.equal(headers[':status'], 200);
    assert.equal(headers['grpc-encoding'], 'gzip');
    assert.equal(trailers['grpc-status'], '0');
    assert.equal(body[0], 1, 'the frame must say that it is compressed');
    assert.equal(body.readUInt32BE(1), body.length - 5);
    assert.ok(body.length < 10000, `${body.length} bytes are not much of a compression`);
    const answer = Echo.service.Unary.responseDeserialize(zlib.gunzipSync(body.subarray(5)));
    assertSameBytes(answer.payload, pattern(100000));
  },

  async no_gzip_for_who_does_not_take_it(server) {
    const { headers, trailers, body } = await server.rawGzipUnary({ response_size: 1000 }, {});
    assert.equal(trailers['grpc-status'], '0');
    assert.ok(headers['grpc-encoding'] === undefined || headers['grpc-encoding'] === 'identity', headers['grpc-encoding']);
    assert.equal(body[0], 0);
    assertSameBytes(Echo.service.Unary.responseDeserialize(body.subarray(5)).payload, pattern(1000));
  },

  async request_of_the_largest_size(server) {
    // Exactly the limit: the payload's tag and length take five bytes, response_size two.
    const payload = Buffer.alloc(maxMessageBytes - 7);
    assert.equal(Echo.service.Unary.requestSerialize({ payload, response_size: 1 }).length, maxMessageBytes);
    const answer = await unaryAnswer(server.connect(), { payload, response_size: 1 });
    assert.equal(answer.received_bytes, payload.length);
  },

  async request_too_large(server) {
    const client = server.connect();
    const payload = Buffer.alloc(maxMessageBytes - 6);
    assertStatus(await unary(client, { payload, response_size: 1 }).ended, status.RESOURCE_EXHAUSTED);
    assert.equal((await unaryAnswer(client, { text })).text, text, 'the channel must go on');
  },

  async response_larger_than_the_client_takes(server) {
    const client = server.connect({ 'grpc.max_receive_message_length': 1024 * 1024 });
    assertStatus(await unary(client, { response_size: 2 * 1024 * 1024 }).ended, status.RESOURCE_EXHAUSTED);
    assert.equal((await unaryAnswer(client, { text })).text, text, 'the channel must go on');
  },

  async pings_are_answered(server) {
    const client = server.connect({
      'grpc.keepalive_time_ms': 100,
      'grpc.keepalive_timeout_ms': 10000, // A busy machine is no dead server.
      'grpc.keepalive_permit_without_calls': 1,
    });
    // Longer than a ping and its timeout: without answers the client would cut the connection.
    assert.equal((await unaryAnswer(client, { text, sleep_ms: 12000 })).text, text);
  },

  async health_of_the_server(server) {
    const client = server.connect({}, Health);
    const check = service => single(done => client.Check({ service }, done)).ended;
    assert.equal(onlyAnswer(await check('')).status, 'SERVING');
    assertStatus(await check('no.such.service'), status.NOT_FOUND);
  },

  async health_watched(server) {
    const client = server.connect({}, Health);
    for (const [service, expected] of [['', 'SERVING'], ['no.such.service', 'SERVICE_UNKNOWN']]) {
      const call = client.Watch({ service });
      call.on('error', () => { });
      const [answer] = await once(call, 'data');
      assert.equal(answer.status, expected);
      call.cancel();
    }
  },
};
