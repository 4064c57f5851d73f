#!/usr/bin/env node
// Runs models in ONNX Runtime and compares what they give with what is expected.
//
//   run_onnx.mjs LIST
//
// LIST has a line for each model: its file, the shape of the inputs as numbers with 'x' between, and files of the inputs
// and of the expected outputs, raw float32. Prints the version, then a line for each model: its file and the largest
// difference, or why it did not run. Exit status 77: onnxruntime-node is not there.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const store = process.env.GRADUS_PEERS_DIR
  ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gradus-peers');
let ort;
try {
  const require = createRequire(join(store, 'package.json'));
  ort = require('onnxruntime-node');
  console.log('version', require('onnxruntime-node/package.json').version);
} catch {
  console.error(`onnxruntime-node is not in ${store}`);
  process.exit(77);
}

function floats(file) {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

for (const line of readFileSync(process.argv[2], 'utf8').split('\n')) {
  if (!line) continue;
  const [model, shape, inputs, expected] = line.split('\t');
  try {
    const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const tensor = new ort.Tensor('float32', floats(inputs), shape.split('x').map(Number));
    const results = await session.run({ [session.inputNames[0]]: tensor });
    const got = results[session.outputNames[0]].data;
    const wanted = floats(expected);
    if (got.length !== wanted.length) throw new Error(`${got.length} outputs, not ${wanted.length}`);
    let worst = 0;
    for (let i = 0; i < got.length; i++) {
      const difference = Math.abs(got[i] - wanted[i]) / Math.max(1, Math.abs(wanted[i]));
      if (!(difference <= worst)) worst = difference;
    }
    console.log(`${model}\t${worst}`);
  } catch (error) {
    console.log(`${model}\t${String(error.message).replace(/\s+/g, ' ')}`);
  }
}
