// Checks what a source build needs before it starts, and names each system's packages for it.

/**
 * Packages by manager. Windows and macOS have one package for all compilers; a tool without an entry comes with another
 * one's package.
 */
const packages = {
  cmake: { apt: "cmake", dnf: "cmake", pacman: "cmake", brew: "cmake", winget: "Kitware.CMake" },
  git: { apt: "git", dnf: "git", pacman: "git", brew: "git", winget: "Git.Git" },
  "a C++ compiler": {
    apt: "g++",
    dnf: "gcc-c++",
    pacman: "gcc",
    winget: "Microsoft.VisualStudio.2022.BuildTools",
  },
  make: { apt: "make", dnf: "make", pacman: "make" },
  "Xcode's command line tools": {},
  "nvcc (the CUDA toolkit)": {
    apt: "nvidia-cuda-toolkit",
    dnf: "cuda-toolkit",
    pacman: "cuda",
    winget: "Nvidia.CUDA",
  },
  glslc: { apt: "glslc", dnf: "glslc", pacman: "shaderc", brew: "shaderc", winget: "KhronosGroup.VulkanSDK" },
  "the Vulkan headers": {
    apt: "libvulkan-dev",
    dnf: "vulkan-headers",
    pacman: "vulkan-headers",
    brew: "vulkan-headers",
    winget: "KhronosGroup.VulkanSDK",
  },
  "the Vulkan loader": {
    apt: "libvulkan-dev",
    dnf: "vulkan-loader-devel",
    pacman: "vulkan-icd-loader",
    brew: "vulkan-loader",
    winget: "KhronosGroup.VulkanSDK",
  },
  "the SPIR-V headers": {
    apt: "spirv-headers",
    dnf: "spirv-headers-devel",
    pacman: "spirv-headers",
    brew: "spirv-headers",
    winget: "KhronosGroup.VulkanSDK",
  },
};

const managers = {
  linux: [
    ["apt", "apt-get install", "Debian, Ubuntu"],
    ["dnf", "dnf install", "Fedora"],
    ["pacman", "pacman -S", "Arch"],
  ],
  darwin: [["brew", "brew install", "Homebrew"]],
  win32: [["winget", "winget install", "Windows"]],
};

/** ggml-vulkan needs it; Debian 12's headers (1.3.239) do not have it, Ubuntu 24.04's (1.3.275) do. */
const VULKAN_EXTENSION = "VK_EXT_layer_settings";

/**
 * @typedef {object} System what the check examines; tests pass their own
 * @property {NodeJS.Platform} platform
 * @property {Readonly<Record<string, string | undefined>>} env
 * @property {(command: string) => boolean} works whether a command runs
 * @property {(path: string) => boolean} exists
 * @property {(path: string) => string} read
 * @property {() => string[]} basics tools missing for the addon's build (build-addon.mjs)
 */

/**
 * @param {string} backend
 * @param {System} system
 * @returns {{ missing: string[], notes: string[] }} names of package entries, and further notes
 */
export function lookForTools(backend, system) {
  const missing = [...system.basics()];
  const notes = [];
  if (backend === "metal" && system.platform !== "darwin") notes.push("Metal is on macOS only.");
  if (backend === "cuda" && system.platform === "darwin") notes.push("CUDA is not on macOS.");
  if (system.platform === "darwin" && !system.works("xcrun")) missing.push("Xcode's command line tools");
  if (backend === "cuda" && nvccOf(system) === undefined) missing.push("nvcc (the CUDA toolkit)");
  if (backend === "vulkan") lookForVulkan(system, missing, notes);
  return { missing, notes };
}

/** The CUDA compiler, also outside the PATH, where its installer puts it. */
export function nvccOf({ env, works, platform }) {
  const exe = platform === "win32" ? "nvcc.exe" : "nvcc";
  const toolkits = [env.CUDA_PATH, env.CUDA_HOME, platform === "linux" ? "/usr/local/cuda" : undefined];
  const candidates = [env.CUDACXX, "nvcc", ...toolkits.map((toolkit) => toolkit && `${toolkit}/bin/${exe}`)];
  return candidates.find((command) => command && works(command));
}

function lookForVulkan({ env, platform, works, exists, read }, missing, notes) {
  const sdk = env.VULKAN_SDK;
  const prefixes = [sdk, "/usr", "/usr/local", "/opt/homebrew"].filter(Boolean);
  const folder = platform === "win32" ? { include: "Include", bin: "Bin" } : { include: "include", bin: "bin" };
  if (![...(sdk ? [`${sdk}/${folder.bin}/glslc`] : []), "glslc"].some(works)) missing.push("glslc");

  const header = prefixes.map((prefix) => `${prefix}/${folder.include}/vulkan/vulkan_core.h`).find(exists);
  if (header === undefined) missing.push("the Vulkan headers");
  else if (!read(header).includes(VULKAN_EXTENSION)) {
    notes.push(
      `The Vulkan headers of ${header} are too old: they have no ${VULKAN_EXTENSION}, which those of Debian 13, ` +
        "Ubuntu 24.04 and the LunarG SDK have. Newer ones need not be installed: unpack them (on Debian 12: " +
        "libvulkan-dev and spirv-headers of Debian 13, with dpkg -x) and set VULKAN_SDK to the folder that has " +
        "their include in it.",
    );
  }
  const loaders = [
    "lib/libvulkan.so",
    "lib64/libvulkan.so",
    "lib/x86_64-linux-gnu/libvulkan.so",
    "lib/aarch64-linux-gnu/libvulkan.so",
    "lib/libvulkan.dylib",
    "Lib/vulkan-1.lib",
  ];
  if (!any(prefixes, loaders, exists)) missing.push("the Vulkan loader");
  const configurations = ["share", "lib", "lib64"].map((at) => `${at}/cmake/SPIRV-Headers/SPIRV-HeadersConfig.cmake`);
  if (!any(prefixes, configurations, exists)) missing.push("the SPIR-V headers");
}

function any(prefixes, paths, exists) {
  return prefixes.some((prefix) => paths.some((path) => exists(`${prefix}/${path}`)));
}

/** One message with all missing tools and how to install them; undefined if none is missing. */
export function describeMissing(backend, { missing, notes }, platform) {
  if (missing.length === 0 && notes.length === 0) return undefined;
  const sentences = [`The runtime with the backend ${backend} cannot be built here.`];
  if (missing.length > 0) {
    sentences.push(`What is missing: ${missing.join(", ")}.`);
    const ways = installWays(missing, platform);
    if (ways.length > 0) sentences.push(`Install with ${ways.join(", or ")}.`);
  }
  return [...sentences, ...notes].join(" ");
}

function installWays(missing, platform) {
  const xcode = platform === "darwin" && missing.some((tool) => /Xcode|compiler|make/.test(tool));
  const ways = (managers[platform] ?? managers.linux).flatMap(([manager, command, where]) => {
    const names = new Set(missing.map((tool) => packages[tool]?.[manager]).filter(Boolean));
    return names.size === 0 ? [] : [`\`${command} ${[...names].join(" ")}\` (${where})`];
  });
  return xcode ? ["`xcode-select --install`", ...ways] : ways;
}
