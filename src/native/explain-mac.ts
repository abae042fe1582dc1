/** Explains why macOS did not open a library: what its loader (dyld) says names neither the cause nor the way out. */
/** Where Electron's side of it is explained. */
const SIGNING = "docs/electron.md";
/** The prebuilt libraries of llama.cpp are built for it (their LC_BUILD_VERSION). */
export const LEAST_MACOS = 14;

/**
 * @param reason what dyld said
 * @param folder holds the library, with everything that came with it
 * @param again how to install the libraries again: a sentence
 * @returns sentences: the cause and the way out; undefined for a message that is not known
 */
export function explainOnMac(reason: string, folder: string, again: string): string | undefined {
  if (/library load disallowed by system policy|Apple (?:could not verify|cannot check)/i.test(reason))
    return (
      "macOS blocks a library that was downloaded by another program than npm (quarantine), or that you did not allow. " +
      `Run \`xattr -dr com.apple.quarantine ${JSON.stringify(folder)}\`, or allow it in System Settings, Privacy & Security.`
    );
  if (/Team ID/.test(reason))
    return (
      "this program is signed with the hardened runtime, and then macOS opens only libraries that its own team signed. Sign " +
      `the libraries together with the application, or give it the entitlement ` +
      `com.apple.security.cs.disable-library-validation (${SIGNING}).`
    );
  const [, have, need] = /incompatible architecture \(have \W?(\w+)\W*, need \W?(\w+)/.exec(reason) ?? [];
  if (have !== undefined && need !== undefined)
    return `the library is for ${processorOf(have)}, and this program runs as one for ${processorOf(need)}. ${again}`;
  const built = /built for (?:newer )?(?:macOS|Mac OS X) (?:version )?\(?(\d+)/i.exec(reason)?.[1];
  if (built !== undefined)
    return `the library is built for macOS ${built} or newer. Upgrade macOS (the prebuilt llama.cpp needs macOS ${LEAST_MACOS}).`;
  if (/not a mach-o file|not valid mach-o|extends beyond (?:the )?end of|code signature invalid/i.test(reason))
    return `the library is damaged. ${again}`;
  return undefined;
}

function processorOf(name: string): string {
  return name.startsWith("arm64") ? "Apple silicon" : name.startsWith("x86_64") ? "Intel" : name;
}

/** Half a sentence: why an Intel build of Node on Apple silicon has no Metal, and what to do. */
export const TRANSLATED =
  "this Node is built for Intel and runs under Rosetta, slowly and without Metal; install Node for Apple silicon (arm64), then " +
  "the packages again with it";
