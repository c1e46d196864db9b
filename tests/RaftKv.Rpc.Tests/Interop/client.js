// grpc-js as the client of a server that implements interop.proto and grpc.health.v1.
//
//   node client.js HOST:PORT [--only NAME,NAME] [--ca FILE [--cert FILE --key FILE]] [--gzip-port PORT]
//
// Prints one JSON line per check, {"check": ..., "ok": ..., "ms": ...} and "error" where it failed, and exits with 1
// if any did. With --gzip-port, the checks of compressed answers go to that port of the same host, in plaintext; it is
// there for server.js, whose main port cannot compress.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { ServerUnderTest } = require('./calls');
const checks = require('./checks');
const { parseArguments } = require('./definitions');

// No check may take longer; one that does has found a server that hangs.
const checkSeconds = 60;

const { named, rest } = parseArguments(process.argv.slice(2));
if (rest.length !== 1) {
  process.stderr.write('usage: node client.js HOST:PORT [--only NAME,NAME] [--ca FILE [--cert FILE --key FILE]] [--gzip-port PORT]\n');
  process.exit(2);
}

function serverUnderTest(address) {
  const server = new ServerUnderTest(address, named.ca && {
    ca: fs.readFileSync(named.ca),
    key: named.key ? fs.readFileSync(named.key) : null,
    cert: named.cert ? fs.readFileSync(named.cert) : null,
  });
  if (named['gzip-port']) {
    server.compressed = new ServerUnderTest(`${address.slice(0, address.lastIndexOf(':'))}:${named['gzip-port']}`);
  }
  return server;
}

async function within(seconds, work) {
  const timer = new AbortController();
  try {
    return await Promise.race([
      work,
      sleep(seconds * 1000, undefined, { signal: timer.signal }).then(() => assert.fail(`not done after ${seconds} s`)),
    ]);
  } finally {
    timer.abort();
  }
}

async function runChecks() {
  const wanted = named.only ? named.only.split(',') : Object.keys(checks);
  const unknown = wanted.filter(name => checks[name] === undefined);
  if (unknown.length > 0) {
    throw new Error(`no such check: ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}`);
  }

  const server = serverUnderTest(rest[0]);
  let failures = 0;
  for (const name of wanted) {
    const began = Date.now();
    const line = { check: name, ok: true };
    try {
      await within(checkSeconds, checks[name](server));
    } catch (error) {
      line.ok = false;
      line.error = error.message;
      failures++;
    }
    line.ms = Date.now() - began;
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
  return failures;
}

runChecks().then(
  failures => { process.exitCode = failures === 0 ? 0 : 1; },
  error => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 2;
  },
).finally(() => setImmediate(() => process.exit())); // Channels of failed checks would keep the process alive.
