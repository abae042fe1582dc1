// The main process: a window, and a utility process that scores. The model's library is loaded there, never here.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, ipcMain, utilityProcess } from "electron";
import { ScorerClient } from "./scorer-client.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const MOST_RESPONSES = 1000;

const scorer = new ScorerClient(() =>
  utilityProcess.fork(join(here, "scorer.mjs"), [], {
    serviceName: "scorer",
    env: { ...process.env, STARLING_RM_CACHE: join(app.getPath("userData"), "models") },
  }),
);

/** The latest ranking of each window; a newer one stops it. */
const current = new Map();

ipcMain.handle("rank", async (event, prompt, responses) => {
  if (typeof prompt !== "string" || !Array.isArray(responses) || responses.length > MOST_RESPONSES)
    throw new TypeError(`rank takes a prompt and up to ${MOST_RESPONSES} responses.`);
  const { sender } = event;
  current.get(sender.id)?.abort();
  const controller = new AbortController();
  current.set(sender.id, controller);
  const onProgress = (progress) => {
    if (!sender.isDestroyed()) sender.send("progress", progress);
  };
  return scorer.rank({ prompt, responses: responses.map(String) }, { signal: controller.signal, onProgress });
});

function openWindow() {
  const window = new BrowserWindow({
    width: 900,
    height: 700,
    webPreferences: { preload: join(here, "preload.cjs"), sandbox: true, contextIsolation: true },
  });
  const { id } = window.webContents;
  window.on("closed", () => {
    current.get(id)?.abort();
    current.delete(id);
  });
  // The window shows pasted text: nothing in it may lead elsewhere.
  window.webContents.setWindowOpenHandler(() => ({ action: "deny" }));
  window.webContents.on("will-navigate", (event) => event.preventDefault());
  return window.loadFile(join(here, "window", "index.html"));
}

app.on("window-all-closed", () => app.quit());
app.on("will-quit", () => scorer.close());
await app.whenReady();
await openWindow();
