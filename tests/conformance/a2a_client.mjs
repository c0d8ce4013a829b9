// An A2A client as somebody else would write it, on the JavaScript SDK.
// Arguments: the agent's base URL, what to do, a skill, the file of its input, and the kind of event at which to leave a
// stream. Prints one JSON object a line.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Role, TaskState } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";

const [base, action, skill, input, until] = process.argv.slice(2);
const client = await new ClientFactory().createFromUrl(base.replace(/\/*$/, "/"));

const tell = (what) => console.log(JSON.stringify(what));

const request = () => ({
  tenant: "",
  message: {
    messageId: randomUUID(),
    contextId: "",
    taskId: "",
    role: Role.ROLE_USER,
    parts: [{ content: { $case: "data", value: JSON.parse(readFileSync(input)) }, metadata: undefined, filename: "", mediaType: "" }],
    metadata: { skill },
    extensions: [],
    referenceTaskIds: [],
  },
  configuration: undefined,
  metadata: undefined,
});

const contents = (parts) => parts.map((part) => part.content.value);

// What the tests look at of a task, a message or an event.
function shown(kind, value) {
  switch (kind) {
    case "message":
      return { kind, parts: contents(value.parts) };
    case "statusUpdate": {
      const parts = contents(value.status.message?.parts ?? []);
      return { kind, task: value.taskId, state: TaskState[value.status.state], parts };
    }
    case "artifactUpdate":
      return { kind, task: value.taskId, artifact: value.artifact.artifactId, parts: contents(value.artifact.parts) };
    case "task": {
      const artifacts = value.artifacts.map((one) => ({ artifact: one.artifactId, parts: contents(one.parts) }));
      return { kind, task: value.id, state: TaskState[value.status.state], artifacts };
    }
  }
}

const event = ({ payload }) => shown(payload.$case, payload.value);
const result = (value) => shown("messageId" in value ? "message" : "task", value);

async function read(stream) {
  for await (const one of stream) tell(event(one));
}

// Begin a task, and leave its stream while it is at work.
async function begun() {
  for await (const one of client.sendMessageStream(request())) {
    const seen = event(one);
    tell(seen);
    if (seen.kind === until && seen.parts.length > 0) return seen.task;
  }
  throw new Error("the stream ended before it could be left");
}

const actions = {
  card: async () => tell(await client.getAgentCard()),
  call: async () => tell(result(await client.sendMessage(request()))),
  stream: () => read(client.sendMessageStream(request())),
  cancel: async () => tell(result(await client.cancelTask({ tenant: "", id: await begun(), metadata: undefined }))),
  resubscribe: async () => read(client.resubscribeTask({ tenant: "", id: await begun() })),
  "cancel unknown": () => client.cancelTask({ tenant: "", id: "unknown", metadata: undefined }),
  "resubscribe unknown": () => read(client.resubscribeTask({ tenant: "", id: "unknown" })),
};

try {
  await actions[action]();
} catch (error) {
  tell({ kind: "error", name: error.constructor.name, message: error.message });
}
