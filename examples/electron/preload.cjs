// All that the window can do. CommonJS, because the preload of a sandboxed window must be.
const { contextBridge, ipcRenderer } = require("electron");

contextBridge.exposeInMainWorld("scorer", {
  rank: (prompt, responses) => ipcRenderer.invoke("rank", prompt, responses),
  onProgress: (listener) => ipcRenderer.on("progress", (_event, progress) => listener(progress)),
});
