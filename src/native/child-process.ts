/** What all child processes of this package have in common. */

/** Electron's executable can run scripts like Node; this process's options are not passed to the child. */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...others } = env;
  return { ...others, ELECTRON_RUN_AS_NODE: "1" };
}
