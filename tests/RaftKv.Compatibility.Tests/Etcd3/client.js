// The whole client API of etcd3 against one store: node client.js http://host:port,...
//
// Prints 'ok NAME' or 'FAIL NAME: why' for each check, and 'done' at the end. When it prints 'restart', the store is to
// be killed and started again; a line on standard input says that it was.
'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const readline = require('node:readline');
const { Etcd3 } = require('etcd3');

// The package declares these for TypeScript only.
const Isolation = { SerializableSnapshot: 0, Serializable: 1, RepeatableReads: 2, ReadCommitted: 3 };

const PATIENCE_MS = 20_000;
const CHECK_PATIENCE_MS = 40_000;

const hosts = process.argv[2].split(',');
const client = new Etcd3({ hosts });
const input = readline.createInterface({ input: process.stdin });

// Resolves with the promise, or fails with a name instead of hanging.
function soon(promise, what, patience = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Calls again until it succeeds, as a program would while its store restarts.
async function untilItWorks(call) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

async function restart() {
  const restarted = once(input, 'line');
  console.log('restart');
  await restarted;
}

async function rejects(promise, pattern) {
  await assert.rejects(async () => await promise, error => {
    assert.match(error.message, pattern);
    return true;
  });
}

const checks = {
  async 'put and get'() {
    await client.put('foo').value('bar');
    assert.strictEqual(await client.get('foo'), 'bar');
    assert.strictEqual(await client.get('foo').string(), 'bar');
    assert.deepStrictEqual(await client.get('foo').buffer(), Buffer.from('bar'));
    assert.strictEqual(await client.get('foo').exists(), true);
    assert.strictEqual(await client.get('missing'), null);
    assert.strictEqual(await client.get('missing').exists(), false);
  },

  async 'numbers, json and bytes'() {
    await client.put('number').value(42);
    assert.strictEqual(await client.get('number').number(), 42);
    await client.put('json').value('{"a":[1,2]}');
    assert.deepStrictEqual(await client.get('json').json(), { a: [1, 2] });
    const bytes = Buffer.from([0, 1, 0xfe, 0xff]);
    await client.put(bytes).value(bytes);
    assert.deepStrictEqual(await client.get(bytes).buffer(), bytes);
    await client.delete().key(bytes);
  },

  async 'what a put replaces, keeps and touches'() {
    await client.put('foo').value('1');
    const previous = await client.put('foo').value('2').getPrevious();
    assert.strictEqual(previous.value.toString(), '1');
    const before = (await client.get('foo').exec()).kvs[0];
    await client.put('foo').touch();
    const after = (await client.get('foo').exec()).kvs[0];
    assert.strictEqual(after.value.toString(), '2');
    assert.strictEqual(Number(after.version), Number(before.version) + 1);
    await rejects(client.put('missing').touch(), /key not found/);
  },

  async 'ranges with all their options'() {
    for (const [key, value] of [['r/a', '3'], ['r/b', '1'], ['r/c', '2']]) await client.put(key).value(value);
    const under = () => client.getAll().prefix('r/');
    assert.deepStrictEqual(await under().strings(), { 'r/a': '3', 'r/b': '1', 'r/c': '2' });
    assert.deepStrictEqual(await under().numbers(), { 'r/a': 3, 'r/b': 1, 'r/c': 2 });
    assert.deepStrictEqual(await under().json(), { 'r/a': 3, 'r/b': 1, 'r/c': 2 });
    assert.deepStrictEqual((await under().buffers())['r/b'], Buffer.from('1'));
    assert.deepStrictEqual(await under().keys(), ['r/a', 'r/b', 'r/c']);
    assert.deepStrictEqual(await under().keyBuffers(), ['r/a', 'r/b', 'r/c'].map(key => Buffer.from(key)));
    assert.strictEqual(await under().count(), 3);
    assert.deepStrictEqual(await under().sort('Value', 'Ascend').keys(), ['r/b', 'r/c', 'r/a']);
    assert.deepStrictEqual(await under().sort('Mod', 'Descend').keys(), ['r/c', 'r/b', 'r/a']);
    assert.deepStrictEqual(await under().sort('Key', 'Descend').limit(2).keys(), ['r/c', 'r/b']);
    assert.strictEqual((await under().limit(2).exec()).more, true);
    assert.deepStrictEqual(await client.getAll().inRange({ start: 'r/a', end: 'r/c' }).keys(), ['r/a', 'r/b']);
    assert.deepStrictEqual(await under().serializable(true).keys(), ['r/a', 'r/b', 'r/c']);
    const all = await under().exec();
    const middle = all.kvs[1].mod_revision;
    assert.deepStrictEqual(await under().minModRevision(middle).keys(), ['r/b', 'r/c']);
    assert.deepStrictEqual(await under().maxModRevision(middle).keys(), ['r/a', 'r/b']);
    assert.deepStrictEqual(await under().minCreateRevision(all.kvs[2].create_revision).keys(), ['r/c']);
    assert.deepStrictEqual(await under().maxCreateRevision(all.kvs[0].create_revision).keys(), ['r/a']);
    assert.ok((await client.getAll().all().keys()).includes('r/b'));
  },

  async 'the past, and what is compacted of it'() {
    await client.put('past').value('old');
    const { kvs: [old] } = await client.get('past').exec();
    await client.put('past').value('new');
    assert.strictEqual(await client.get('past').revision(old.mod_revision).string(), 'old');
    const { header } = await client.get('past').exec();
    await client.kv.compact({ revision: header.revision, physical: true });
    await rejects(client.get('past').revision(old.mod_revision).exec(), /compacted/);
    await rejects(client.get('past').revision(Number(header.revision) + 1000).exec(), /future revision/);
  },

  async 'deletes'() {
    for (const key of ['d/1', 'd/2', 'd/3', 'd/4']) await client.put(key).value('x');
    assert.strictEqual(Number((await client.delete().key('d/1')).deleted), 1);
    assert.strictEqual(Number((await client.delete().key('d/1')).deleted), 0);
    assert.deepStrictEqual((await client.delete().inRange({ start: 'd/2', end: 'd/3' }).getPrevious()).map(kv => kv.key.toString()), ['d/2']);
    assert.strictEqual(Number((await client.delete().prefix('d/')).deleted), 2);
    assert.strictEqual(await client.getAll().prefix('d/').count(), 0);
  },

  async 'transactions'() {
    await client.put('t').value('1');
    const yes = await client
      .if('t', 'Value', '==', '1').and('t', 'Version', '>', 0).and('none', 'Create', '==', 0).and('t', 'Lease', '==', 0)
      .then(client.put('t').value('2'), client.get('t'))
      .else(client.get('t'))
      .commit();
    assert.strictEqual(yes.succeeded, true);
    assert.strictEqual(yes.responses.length, 2);
    assert.strictEqual(yes.responses[1].response_range.kvs[0].value.toString(), '2');
    const no = await client.if('t', 'Value', '!=', '2').then(client.delete().key('t')).else(client.get('t')).commit();
    assert.strictEqual(no.succeeded, false);
    assert.strictEqual(no.responses[0].response_range.kvs[0].value.toString(), '2');
    await rejects(client.if('t', 'Mod', '>', 0).then(client.put('t').value('a'), client.put('t').value('b')).commit(), /duplicate key/);
  },

  async 'software transactions'() {
    await client.put('stm').value('1');
    for (const isolation of [Isolation.ReadCommitted, Isolation.RepeatableReads, Isolation.Serializable, Isolation.SerializableSnapshot]) {
      await Promise.all([1, 2].map(() => client.stm({ isolation, retries: 20 }).transact(async tx => {
        const value = await tx.get('stm').number();
        await tx.put('stm').value(value + 1);
      })));
    }
    // Under read committed one of two may get lost; under the others none may.
    const value = await client.get('stm').number();
    assert.ok(value === 8 || value === 9, `${value}`);
  },

  async 'namespaces'() {
    const space = client.namespace('ns/');
    await space.put('k').value('v');
    assert.strictEqual(await space.get('k'), 'v');
    assert.strictEqual(await client.get('ns/k'), 'v');
    assert.deepStrictEqual(await space.getAll().strings(), { k: 'v' });
    const watcher = await space.watch().key('k').create();
    const put = once(watcher, 'put');
    await space.put('k').value('w');
    const [kv] = await soon(put, 'an event in a namespace');
    assert.strictEqual(kv.key.toString(), 'k');
    await watcher.cancel();
    await space.delete().all();
    assert.strictEqual(await client.get('ns/k'), null);
  },

  async 'watches, with filters, history and previous values'() {
    await client.put('w').value('1');
    const { header } = await client.put('w').value('2');

    // Not "from now on": for a member that is behind, as one may be that was not asked for the puts, now is earlier.
    const next = (BigInt(header.revision) + 1n).toString();
    const [plain, filtered, past] = await Promise.all([
      client.watch().key('w').startRevision(next).withPreviousKV().create(),
      client.watch().prefix('w').only('delete').create(),
      client.watch().key('w').startRevision(header.revision).watcher(),
    ]);
    const firstOfPast = once(past, 'put');
    const put = once(plain, 'put');
    const deleted = once(filtered, 'delete');
    filtered.on('put', () => assert.fail('a put got through the filter'));
    assert.strictEqual((await soon(firstOfPast, 'an event of the past'))[0].value.toString(), '2');
    await client.put('w').value('3');
    const [kv, previous] = await soon(put, 'an event');
    assert.strictEqual(kv.value.toString(), '3');
    assert.strictEqual(previous.value.toString(), '2');
    await client.delete().key('w');
    assert.strictEqual((await soon(deleted, 'a deletion'))[0].key.toString(), 'w');
    await Promise.all([plain.cancel(), filtered.cancel(), past.cancel()]);
  },

  async 'a watch goes on after the store has restarted, without gap or repetition'() {
    const watcher = await client.watch().prefix('again/').create();
    const seen = [];
    let wake = () => {};
    watcher.on('put', kv => { seen.push(kv.value.toString()); wake(); });
    const reach = count => soon((async () => {
      while (seen.length < count) await new Promise(resolve => { wake = resolve; });
    })(), `${count} events`);
    await client.put('again/1').value('before');
    await reach(1);
    const disconnected = once(watcher, 'disconnected');
    await restart();
    await soon(disconnected, 'the loss of the watch');
    await untilItWorks(() => client.put('again/2').value('after'));
    await untilItWorks(() => client.put('again/3').value('later'));
    await reach(3);
    assert.deepStrictEqual(seen.filter((value, i) => seen.indexOf(value) === i), ['before', 'after', 'later']);
    await watcher.cancel();
  },

  async 'a lease keeps its keys while it is kept alive'() {
    const lease = client.lease(2);
    await lease.put('leased').value('x');
    // Longer than it would live by itself.
    await soon(once(lease, 'keepaliveSucceeded'), 'a keep-alive');
    await new Promise(resolve => setTimeout(resolve, 4000));
    assert.strictEqual(await client.get('leased'), 'x');
    const once2 = await lease.keepaliveOnce();
    assert.strictEqual(Number(once2.TTL), 2);
    await lease.revoke();
    assert.strictEqual(await client.get('leased'), null);
    assert.strictEqual(lease.revoked(), true);
  },

  async 'a lease that nobody keeps alive takes its keys with it'() {
    const lease = client.lease(2, { autoKeepAlive: false });
    const id = await lease.grant();
    await lease.put('brief').value('x');
    const watcher = await client.watch().key('brief').create();
    await soon(once(watcher, 'delete'), 'the end of the lease');
    assert.strictEqual(await client.get('brief'), null);
    const left = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
    assert.strictEqual(Number(left.TTL), -1);
    await watcher.cancel();
  },

  async 'a lease that was revoked elsewhere is lost'() {
    const lease = client.lease(3);
    const id = await lease.grant();
    const lost = once(lease, 'lost');
    await client.leaseClient.leaseRevoke({ ID: id });
    await soon(lost, 'the loss of the lease');
    await rejects(client.put('x').value('y').lease(id), /lease not found/);
  },

  async 'locks'() {
    const lock = client.lock('lock').ttl(10);
    await lock.acquire();
    await rejects(client.lock('lock').acquire(), /lock/i);
    await lock.release();
    const result = await client.lock('lock').do(() => 'inside');
    assert.strictEqual(result, 'inside');
  },

  async 'elections'() {
    const election = client.election('race', 5);
    const observer = await election.observe();
    const first = election.campaign('first');
    await soon(first.wait(), 'the first election');
    assert.strictEqual(await election.leader(), 'first');
    const second = election.campaign('second');
    second.on('error', () => {});
    await soon(once(second, '_isWaiting'), 'the wait of the second candidate');
    // The library watches the first one's key from now on, and not from the revision at which it saw it there; so the
    // first must not resign before that watch stands. Watches of one stream are made in order: another one tells.
    const fence = await election.namespace.watch().key('fence').create();
    await fence.cancel();
    await first.proclaim('first again');
    assert.strictEqual(await election.leader(), 'first again');
    await first.resign();
    await soon(second.wait(), 'the second election');
    assert.strictEqual(await election.leader(), 'second');
    await soon((async () => {
      while (observer.leader() !== 'second') await once(observer, 'change');
    })(), 'the news of the election');
    await observer.cancel();
    await second.resign();
  },

  async 'the cluster and its maintenance'() {
    const { members } = await client.cluster.memberList({});
    assert.strictEqual(members.length, hosts.length);
    const status = await client.maintenance.status();
    assert.match(status.version, /^3\.\d+\.\d+$/);
    assert.ok(Number(status.dbSize) > 0);
    assert.ok(members.some(member => member.ID === status.leader));
    assert.deepStrictEqual((await client.maintenance.alarm({ action: 'Get' })).alarms, []);
    await client.maintenance.defragment();
    const snapshot = await client.maintenance.snapshot();
    let bytes = 0;
    snapshot.on('data', part => { bytes += part.blob.length; });
    await soon(once(snapshot, 'end'), 'the end of the snapshot');
    assert.ok(bytes > 0);
  },
};

async function main() {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await soon(check(), 'the end of the check', CHECK_PATIENCE_MS);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`FAIL ${name}: ${String(error.stack).replaceAll('\n', ' | ')}`);
    }
  }
  console.log('done');
  process.exit(0); // Whatever a check that failed has left running.
}

main();
