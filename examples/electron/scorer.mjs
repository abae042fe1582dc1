// The utility process: holds the model and answers the main process. The window stays responsive, and a crash of native code
// ends only this process.
// Messages in: { id, method, params } and { cancel: id }; out: { id, progress }, { id, result } and { id, error }.
import { loadRewardModel } from "starling-rm";

const { STARLING_RM_MODEL } = process.env;
const port = process.parentPort;
/** Running requests, by id. */
const running = new Map();
let loading;

/** The first request loads the model, once. */
function openModel() {
  loading ??= load();
  // After a failed load the next request tries again: the file may exist by then.
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

function load() {
  // "tiny" is the demonstration model; its file is made in $STARLING_RM_CACHE.
  return loadRewardModel({ modelPath: STARLING_RM_MODEL || "tiny" });
}

const methods = {
  async rank({ prompt, responses }, { signal, report }) {
    const model = await openModel();
    signal.throwIfAborted();
    const onProgress = ({ itemsDone }) => report({ done: itemsDone, total: responses.length });
    const ranked = await model.rank(prompt, responses, { signal, onProgress });
    return ranked.map(({ rank, index, score, response, truncated }) => ({ rank, index, score, response, truncated }));
  },
};

async function answer({ id, method, params }) {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const report = (progress) => port.postMessage({ id, progress });
    port.postMessage({ id, result: await methods[method](params, { signal: controller.signal, report }) });
  } catch (error) {
    port.postMessage({
      id,
      error: { code: typeof error.code === "string" ? error.code : error.name, message: error.message },
    });
  } finally {
    running.delete(id);
  }
}

port.on("message", ({ data }) => {
  if (data.cancel === undefined) void answer(data);
  else running.get(data.cancel)?.abort();
});
