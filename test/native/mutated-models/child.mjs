// Loads models that may be anything and scores with them, one file after another: `node child.mjs LIBRARY`, then messages
// { path, load } and answers, `load` being further options. With { plant } it does what no file may make it do: "abort" or
// "loop". Uses the library (dist) as an application does.
const { loadRewardModel, isStarlingError } = await import(process.argv[2]);

const items = [{ text: "abc de " }, { prompt: "ab", response: "cd 1" }];

/** The error's code, or what it is where it is none of the library's. */
const failure = (step, error) => ({
  step,
  code: isStarlingError(error) ? error.code : "none of ours",
  message: isStarlingError(error) ? error.message : String(error?.stack ?? error),
});

async function tryModel(path, load) {
  let model;
  try {
    model = await loadRewardModel({ modelPath: path, gpu: "off", threads: 1, contextTokens: 128, ...load });
  } catch (error) {
    return failure("load", error);
  }
  try {
    // One by one: a model without a chat template cannot score the second, and that is right.
    const [text, pair] = items;
    const scores = [(await model.score([text]))[0].score];
    const more = await model.score([pair]).catch((error) => failure("score", error));
    if (Array.isArray(more)) scores.push(more[0].score);
    return { step: "done", scores };
  } catch (error) {
    return failure("score", error);
  } finally {
    await model.close();
  }
}

process.on("message", async ({ path, load, plant }) => {
  if (plant === "abort") process.abort();
  while (plant === "loop");
  const started = performance.now();
  const answer = await tryModel(path, load);
  process.send({ ...answer, milliseconds: performance.now() - started });
});
process.send("ready");
