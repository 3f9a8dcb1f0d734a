import { EddiError } from "#shared/errors";
import type { EdgeEvent, EdgeRequest } from "../talk/edge.ts";
import { type Served, serve } from "../talk/serve.ts";
import { Edge } from "./edge.ts";

let opening: Promise<Edge> | null = null;

const emit = serve<EdgeRequest, EdgeEvent>(
  self as unknown as Worker,
  async (request, signal, onProgress): Promise<Served> => {
    switch (request.kind) {
      case "open": {
        if (opening !== null) throw new EddiError("bad-argument", "expected one open, got another");
        opening = Edge.open(request.settings, request.optimizer, (event) => emit(event));
        return { reply: (await opening).summary };
      }
      case "connect":
        (await edge()).connect(request.optimizer);
        return { reply: null };
      case "answer": {
        const answer = await (await edge()).answer(request.image, request.options, signal, onProgress);
        return { reply: answer, transfer: [answer.scores.buffer as ArrayBuffer] };
      }
      case "simulate":
        (await edge()).simulate(request.conditions);
        return { reply: null };
      case "time":
        return { reply: await (await edge()).time(request.what) };
      case "settle":
        await (await edge()).settle();
        return { reply: null };
      default:
        throw new EddiError(
          "bad-argument",
          `unknown request ${(request satisfies never as EdgeRequest).kind}`,
        );
    }
  },
);

function edge(): Promise<Edge> {
  if (opening === null) throw new EddiError("bad-argument", "expected open first");
  return opening;
}
