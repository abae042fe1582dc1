/** What all child processes of this package have in common. */

/** Electron's own program runs scripts like Node when it is told to; options for this process are not for the child. */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...others } = env;
  return { ...others, ELECTRON_RUN_AS_NODE: "1" };
}
