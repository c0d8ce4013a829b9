"use strict";

// The side of a view in MCP Apps (revision 2026-01-26): JSON-RPC 2.0 by postMessage with the window that holds it.

const REVISION = "2026-01-26";
const ANSWER_SECONDS = 60;

class Host {
  #waiting = new Map();
  #lastId = 0;
  #hear;

  /** Messages from the host go to `hear[method](params)`; what that returns answers a request. */
  constructor(hear) {
    this.#hear = hear;
    this.context = {};
    this.capabilities = {};
    addEventListener("message", (event) => this.#receive(event));
  }

  /** Shake hands. From then on the host sends what the tool was given and what it found. */
  async open(name, version) {
    const appCapabilities = { availableDisplayModes: ["inline", "fullscreen"] };
    const hello = { protocolVersion: REVISION, appInfo: { name, version }, appCapabilities };
    const answer = await this.request("ui/initialize", hello);
    this.capabilities = answer.hostCapabilities ?? {};
    this.context = answer.hostContext ?? {};
    this.notify("ui/notifications/initialized", {});
  }

  /** Ask the host; fails with its error, or when it says nothing for a minute. */
  request(method, params) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () => this.#settle(id, { error: { message: `no answer to ${method} in ${ANSWER_SECONDS} s` } });
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, ANSWER_SECONDS * 1000) });
      this.#send({ id, method, params });
    });
  }

  notify(method, params) {
    this.#send({ method, params });
  }

  #send(message) {
    parent.postMessage({ jsonrpc: "2.0", ...message }, "*"); // a sandboxed view cannot know its host's origin
  }

  async #receive(event) {
    const message = event.data;
    if (event.source !== parent || message?.jsonrpc !== "2.0") return;
    const { id, method, params = {} } = message;
    if (method === undefined) return this.#settle(id, message);
    const known = Object.hasOwn(this.#hear, method);
    const result = known ? await this.#hear[method](params) : undefined;
    if (id === undefined) return;
    if (known) this.#send({ id, result: result ?? {} });
    else this.#send({ id, error: { code: -32601, message: `a view has no method ${method}` } });
  }

  #settle(id, { result, error }) {
    const one = this.#waiting.get(id);
    if (one === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(one.timer);
    if (error) one.reject(new Error(error.message ?? "the client refused"));
    else one.resolve(result ?? {});
  }
}
