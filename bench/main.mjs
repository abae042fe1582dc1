/** What `npm run bench` runs once dist/ is known to exist. */
import { compare, interleave } from "./interleave.mjs";
import { describeMachine, describeVersions, load } from "./machine.mjs";
import { modelsFolder, readOptions, resultsFolder } from "./options.mjs";
import { randomModel } from "./random-model/write.mjs";
import { ratioLine, resultTable, save } from "./report.mjs";
import { distinct } from "./workloads/distinct.mjs";

const USAGE = `Usage: npm run bench -- [options]

Measures the library's throughput against llama.cpp's own, side by side. See bench/README.md.`;

const log = (line) => console.error(line);
const { modelType, shape, repetitions, threads } = readOptions(USAGE);
const machine = describeMachine();
const versions = describeVersions();
const modelPath = await randomModel({ shape, type: modelType, folder: modelsFolder, log });
const loadBefore = load();
const workloads = [];
for (const workload of [distinct({ modelPath, shape, threads })]) {
  log(`${workload.description}: ${workload.contenders.map(({ name }) => name).join(", ")}`);
  const contenders = await interleave(workload.contenders, { repetitions, log });
  const named = (wanted) => contenders.find(({ name }) => name === wanted);
  const comparisons = workload.comparisons.map(({ subject, reference, atLeast }) => ({
    ...compare(named(subject), named(reference)),
    atLeast,
  }));
  workloads.push({ name: workload.name, description: workload.description, contenders, comparisons });
}

console.log(
  `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 1024 ** 3).toFixed(0)} GiB, ${machine.os}`,
);
console.log(`starling-rm ${versions["starling-rm"]}, llama.cpp ${versions["llama.cpp"]}, Node ${versions.node}`);
for (const { description, contenders, comparisons } of workloads) {
  console.log(
    `\n${description}; random ${shape} model, ${modelType}, ${threads} threads, ${repetitions} repetitions\n`,
  );
  console.log(resultTable(contenders));
  console.log(["", ...comparisons.map(ratioLine)].join("\n"));
}
const settings = { modelType, shape, threads, repetitions };
const loadAverage = { before: loadBefore, after: load() };
const file = save(resultsFolder, "bench", { settings, machine, versions, loadAverage, workloads });
console.log(`\nLoad average ${loadBefore.toFixed(1)} before, ${loadAverage.after.toFixed(1)} after. Results: ${file}`);
