import { EddiError } from "#shared/errors";
import { useKey } from "../service/service-fetch.ts";
import type { OptimizerEvent, OptimizerRequest } from "../talk/optimizer.ts";
import { type Served, serve } from "../talk/serve.ts";
import { Optimizer } from "./optimizer.ts";

const optimizer = new Optimizer((event) => emit(event));

const emit = serve<OptimizerRequest, OptimizerEvent>(
  self as unknown as Worker,
  async (request): Promise<Served> => {
    switch (request.kind) {
      case "key":
        useKey(request.key);
        return { reply: null };
      case "connect":
        optimizer.connect(request.edge);
        return { reply: null };
      case "budget":
        optimizer.setBudget(request.budgetMs);
        return { reply: null };
      case "load":
        optimizer.setLoad(request.framesPerSecond);
        return { reply: null };
      case "min-accuracy":
        optimizer.setMinAccuracy(request.minAccuracy);
        return { reply: null };
      case "picture":
        optimizer.setPicture(request.state);
        return { reply: null };
      case "visible":
        optimizer.setVisible(request.visible);
        return { reply: null };
      default: {
        const { kind } = request satisfies never as OptimizerRequest;
        throw new EddiError("bad-argument", `unknown request ${kind}`);
      }
    }
  },
);
