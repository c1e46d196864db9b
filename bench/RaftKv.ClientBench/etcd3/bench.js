// node bench.js HOST:PORT get|put AT_ONCE SECONDS ROUNDS: one line of JSON for each round.
'use strict';

const { Etcd3 } = require('etcd3');

const [address, call, atOnce, seconds, rounds] = process.argv.slice(2);
const client = new Etcd3({ hosts: `http://${address}` });
const value = Buffer.alloc(256);
const key = i => `/registry/pods/default/pod-${String(i % 1000).padStart(6, '0')}`;
const once = call === 'get' ? i => client.get(key(i)).buffer() : i => client.put(key(i)).value(value);

async function load(ms) {
  const end = Date.now() + ms;
  let calls = 0;
  await Promise.all(Array.from({ length: Number(atOnce) }, async (_, loop) => {
    for (let i = loop * 7919; Date.now() < end; i++) {
      await once(i);
      calls++;
    }
  }));
  return calls;
}

(async () => {
  await load(2000);
  for (let round = 0; round < Number(rounds); round++) {
    const cpu = process.cpuUsage();
    const started = process.hrtime.bigint();
    const calls = await load(Number(seconds) * 1000);
    const elapsed = Number(process.hrtime.bigint() - started) / 1e9;
    const used = process.cpuUsage(cpu);
    console.log(JSON.stringify({ calls: calls / elapsed, cpu: (used.user + used.system) / calls }));
  }

  client.close();
})();
