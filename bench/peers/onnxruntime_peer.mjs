#!/usr/bin/env node
// Prediction with ONNX Runtime, from Node.js: the 784-90-10 network on MNIST's test images.
//
//   onnxruntime_peer.mjs [NAME...] [--threads N] [--data DIR] [--json] [--list] [--model FILE]
//
// Without --model, torch_peer.py writes one (random weights: the speed does not depend on them).
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

const ROWS = { 'predict-1': 1, 'predict-10k': 10000 };
const here = dirname(fileURLToPath(import.meta.url));
const store = process.env.GRADUS_PEERS_DIR
  ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gradus-peers');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: String(availableParallelism()) },
    data: { type: 'string' }, model: { type: 'string' },
    json: { type: 'boolean' }, list: { type: 'boolean' },
  },
});
const threads = Number(options.threads);

function fail(message) {
  console.error(message);
  process.exit(1);
}

function loadRuntime() {
  try {
    const require = createRequire(join(store, 'package.json'));
    return [require('onnxruntime-node'), require('onnxruntime-node/package.json').version];
  } catch {
    fail(`onnxruntime-node is not in ${store}: run bench/peers/install`);
  }
}

function testImages() {
  const shared = join(here, '../../../shared/data/mnist');
  for (const place of options.data ? [options.data] : [process.env.GRADUS_DATA_DIR, shared]) {
    for (const directory of place ? [place, join(place, 'mnist')] : []) {
      const file = join(directory, 't10k-images-idx3-ubyte');
      if (!existsSync(file) && !existsSync(`${file}.gz`)) continue;
      const raw = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
      return Float32Array.from(raw.subarray(16), (pixel) => pixel / 255);
    }
  }
  fail('MNIST not found: give its directory with --data or GRADUS_DATA_DIR');
}

function modelFile() {
  const file = options.model ?? join(store, 'digits-784-90-10.onnx');
  if (!existsSync(file)) execFileSync('/usr/bin/python3', [join(here, 'torch_peer.py'), '--export-onnx', file]);
  return file;
}

// Median seconds of a call: blocks of at least 20 ms for one second, as common.py times the other peers.
async function secondsPerCall(call) {
  const block = async (calls) => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) await call();
    return Number(process.hrtime.bigint() - start) / 1e9;
  };
  let calls = 1;
  while (await block(calls) < 0.02) calls *= 2;
  const blocks = [];
  for (let total = 0; total < 1 || blocks.length < 5; total += blocks.at(-1)) blocks.push(await block(calls));
  return blocks.sort((a, b) => a - b)[blocks.length >> 1] / calls;
}

async function run(ort, name) {
  const rows = ROWS[name];
  const session = await ort.InferenceSession.create(modelFile(), {
    executionProviders: ['cpu'], graphOptimizationLevel: 'all', intraOpNumThreads: threads, interOpNumThreads: 1,
  });
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', testImages().slice(0, rows * 784), [rows, 784]) };
  const time = await secondsPerCall(() => session.run(feeds));
  return { name, unit: 'call', seconds_per_unit: time, samples_per_second: rows / time };
}

const [ort, version] = loadRuntime();
const peer = `onnxruntime ${version} (node)`;
if (options.list) {
  console.log(JSON.stringify({ peer, workloads: Object.keys(ROWS) }));
} else {
  const workloads = [];
  for (const name of positionals.length ? positionals : Object.keys(ROWS)) {
    if (name in ROWS) workloads.push(await run(ort, name));
    else console.error(`${peer}: does not do ${name}`);
  }
  const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores`;
  if (options.json) {
    console.log(JSON.stringify({ peer, machine, threads, workloads }));
  } else {
    console.log(`${peer}, ${threads} threads, ${machine}`);
    for (const w of workloads) console.log(`  ${w.name.padEnd(15)} ${w.seconds_per_unit.toPrecision(4)} s a call`);
  }
}
