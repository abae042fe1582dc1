// What an application writes with starling-rm/hub.
import { type HubOptions, type PullResult, pull } from "starling-rm/hub";

const hub: HubOptions = { endpoint: "https://huggingface.co", cacheFolder: "cache" };

export async function download(): Promise<PullResult> {
  return pull({ ...hub, repository: "Nexusflow/Starling-RM-34B", onProgress: ({ file }) => console.log(file) });
}
