// Starts the islands of a page: a static module, so that the page needs no inline script for it.
// Children that the server rendered inside an island are started before what follows them, in document order.
import init, * as islands from "./app.js";

const waiting = [];
async function walk(node) {
  const tag = node.localName;
  if (tag === "leptos-island") {
    const start = islands[node.dataset.component];
    if (start) {
      waiting.at(-1)?.();
      await start(node);
    } else {
      console.warn("This page and its script come from different versions: no code for " + node.dataset.component);
    }
  }
  if (tag === "leptos-children") waiting.push(node.$$on_hydrate);
  for (const child of node.children) await walk(child);
  if (tag === "leptos-children") waiting.pop();
}

await init({ module_or_path: new URL("./app_bg.wasm", import.meta.url) });
islands.hydrate();
await walk(document.body);
document.documentElement.dataset.hydrated = "";
