import { EddiError } from "#shared/errors";
import { Service } from "../service/service.ts";
import type { OptimizerEvent, OptimizerRequest } from "../talk/optimizer.ts";
import { type Served, serve } from "../talk/serve.ts";
import { Optimizer } from "./optimizer.ts";

let opened: Optimizer | null = null;

const emit = serve<OptimizerRequest, OptimizerEvent>(
  self as unknown as Worker,
  async (request, signal): Promise<Served> => {
    switch (request.kind) {
      case "open":
        if (opened !== null) throw new EddiError("bad-argument", "expected one open, got another");
        opened = openOptimizer(request);
        return { reply: null };
      case "connect":
        optimizer().connect(request.edge);
        return { reply: null };
      case "budget":
        optimizer().setBudget(request.budgetMs);
        return { reply: null };
      case "load":
        optimizer().setLoad(request.framesPerSecond);
        return { reply: null };
      case "min-accuracy":
        optimizer().setMinAccuracy(request.minAccuracy);
        return { reply: null };
      case "phone-only":
        optimizer().setPhoneOnly(request.phoneOnly);
        return { reply: null };
      case "early-exits":
        optimizer().setEarlyExits(request.earlyExits);
        return { reply: null };
      case "downloading":
        optimizer().setAppDownload(request.state);
        return { reply: null };
      case "visible":
        optimizer().setVisible(request.visible);
        return { reply: null };
      case "imagine":
        return { reply: optimizer().imagine(request.what) };
      case "phase-map":
        return { reply: await optimizer().phaseMap(request.what, signal) };
      case "trace":
        return { reply: optimizer().trace() };
      case "nodes":
        return { reply: optimizer().nodes() };
      default: {
        const { kind } = request satisfies never as OptimizerRequest;
        throw new EddiError("bad-argument", `unknown request ${kind}`);
      }
    }
  },
);

function openOptimizer({ service, cloud }: Extract<OptimizerRequest, { kind: "open" }>): Optimizer {
  const tails = cloud === null ? null : new Service(cloud);
  return new Optimizer(new Service(service), tails, (event) => emit(event));
}

function optimizer(): Optimizer {
  if (opened === null) throw new EddiError("bad-argument", "expected open first");
  return opened;
}
