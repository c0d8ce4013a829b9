"use strict";

// A minimal host of MCP Apps: calls a tool, shows the view that the tool names, and stands between view and server.
// The query of the page says what to do: tool, arguments (JSON), context (JSON), capabilities (JSON), cancel (a reason
// to cancel the call), pause (call the tool only when `proceed()` is called).

const wish = Object.fromEntries(new URLSearchParams(location.search));
const view = document.getElementById("view");
const log = []; // every message of the view, for tests to look at
let tools = [];
let refusing = ""; // the reason why calls of the view are refused
let proceed = () => {};

async function relay(method, params = {}) {
  const answer = await fetch("/relay", { method: "POST", body: JSON.stringify({ method, params }) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function send(message) {
  view.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function toolOf(name) {
  return tools.find((tool) => tool.name === name);
}

const requests = {
  "ui/initialize": () => ({
    protocolVersion: "2026-01-26",
    hostInfo: { name: "minimal", version: "1" },
    hostCapabilities: JSON.parse(wish.capabilities ?? '{"serverTools": {}}'),
    hostContext: { toolInfo: { tool: toolOf(wish.tool) }, ...JSON.parse(wish.context ?? "{}") },
  }),
  "tools/call": ({ name, arguments: given }) => {
    const audience = toolOf(name)?._meta?.ui?.visibility ?? ["model", "app"];
    if (refusing) throw new Error(refusing);
    if (!audience.includes("app")) throw new Error(`${name} is not for views`);
    return relay("tools/call", { name, arguments: given });
  },
  "ui/update-model-context": () => ({}),
  "ui/request-display-mode": ({ mode }) => ({ mode }),
};

const notifications = {
  "ui/notifications/initialized": feed,
  "ui/notifications/size-changed": ({ height }) => (view.style.height = `${height}px`),
};

addEventListener("message", async ({ source, data }) => {
  if (source !== view.contentWindow) return;
  log.push(data);
  if (data.method === undefined) return;
  if (data.id === undefined) return notifications[data.method]?.(data.params);
  try {
    if (!(data.method in requests)) throw new Error(`a host has no method ${data.method}`);
    send({ id: data.id, result: await requests[data.method](data.params) });
  } catch (error) {
    send({ id: data.id, error: { code: -32000, message: error.message } });
  }
});

/** What a host does once the view is there: tell it the input, call the tool, tell it the result. */
async function feed() {
  const given = JSON.parse(wish.arguments ?? "{}");
  send({ method: "ui/notifications/tool-input", params: { arguments: given } });
  if (wish.cancel) return send({ method: "ui/notifications/tool-cancelled", params: { reason: wish.cancel } });
  if (wish.pause) await new Promise((resolve) => (proceed = resolve));
  const result = await relay("tools/call", { name: wish.tool, arguments: given });
  document.getElementById("fallback").textContent = JSON.stringify(result);
  send({ method: "ui/notifications/tool-result", params: result });
}

relay("tools/list").then((answer) => {
  tools = answer.tools;
  view.src = `/view?uri=${encodeURIComponent(toolOf(wish.tool)._meta.ui.resourceUri)}`;
});
