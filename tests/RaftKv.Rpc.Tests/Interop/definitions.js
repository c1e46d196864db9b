// The services both scripts speak, loaded from their .proto files.
'use strict';

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
const protos = path.resolve(__dirname, '../../../protos');

const interop = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'interop.proto'), options));
const health = grpc.loadPackageDefinition(loader.loadSync('grpc/health/v1/health.proto', { ...options, includeDirs: [protos] }));

/** Largest message either side accepts. */
const maxMessageBytes = 16 * 1024 * 1024;

/** The payload that response_size asks for. 251 is a prime: a chunk lost or swapped cannot go unnoticed. */
function pattern(size) {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) {
    bytes[i] = i % 251;
  }
  return bytes;
}

/** Options of the form --name value and --name, and what is left over. */
function parseArguments(argv) {
  const named = {};
  const rest = [];
  for (let i = 0; i < argv.length; i++) {
    if (!argv[i].startsWith('--')) {
      rest.push(argv[i]);
    } else if (i + 1 < argv.length && !argv[i + 1].startsWith('--')) {
      named[argv[i].slice(2)] = argv[++i];
    } else {
      named[argv[i].slice(2)] = true;
    }
  }
  return { named, rest };
}

module.exports = {
  Echo: interop.raftkv.interop.Echo,
  Health: health.grpc.health.v1.Health,
  maxMessageBytes,
  parseArguments,
  pattern,
};
