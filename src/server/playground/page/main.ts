/** The page at `/`. */
import { Actions } from "./actions.ts";
import { AppView } from "./app.ts";
import { DrawView } from "./draw-view.ts";
import { FileView } from "./file-view.ts";
import { PromptView } from "./prompt-view.ts";
import { RankingView } from "./ranking-view.ts";
import { RepliesView } from "./replies-view.ts";
import { Store } from "./store.ts";
import { StripView } from "./strip-view.ts";

customElements.define("rm-prompt", PromptView);
customElements.define("rm-replies", RepliesView);
customElements.define("rm-draw", DrawView);
customElements.define("rm-ranking", RankingView);
customElements.define("rm-strip", StripView);
customElements.define("rm-file", FileView);
customElements.define("rm-app", AppView);

const store = new Store();
const app = new AppView();
app.page = { store, actions: new Actions(store) };
document.body.append(app);
void app.page.actions.connect();
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void app.page.actions.refresh();
});
