import { contract } from "#shared/evaluator";
import { codecCurves } from "../draw/codec-curves.ts";
import { graphSvg } from "../draw/graph-svg.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { modelCosts } from "../planning/model-costs.ts";
import { graphReduction, reductionText } from "../planning/reduction.ts";
import { command } from "./command.ts";
import { jsonOption, modelArgument, outOption, printJson, writeOut } from "./shared-options.ts";

export const graphCommand = command({
  name: "graph",
  about: `Shows what the Evaluator makes of a model: operations, nodes, and for every exit its cut vertices, blocks and
closed heads, before and after contraction; and draws its DAG, and the curves of the codecs that were fitted to its
tensors or learned for them: bytes against what they lose, as FILE-codecs.svg. Costs come from the profiles in MODEL/profiles,
where there are none from the work of each node.`,
  argument: modelArgument,
  options: {
    out: outOption("the picture, SVG (default graph-MODEL.svg, here)"),
    json: jsonOption,
  },
  run: async ({ argument: { folder }, options }) => {
    const model = await readModelFolder(folder);
    const costs = await modelCosts(folder, model, ["plain"]);
    const reduction = graphReduction(model, costs.exits);
    const { out = `graph-${model.metadata.id}.svg` } = options;
    const contracted = costs.exits.map((exit) => contract(exit, { for: "latency" }));
    await writeOut(out, graphSvg(model, contracted));
    const curves = codecCurves(model);
    const codecs = curves === null ? null : `${out.replace(/\.svg$/, "")}-codecs.svg`;
    if (curves !== null) await writeOut(codecs!, curves);
    const { head, tail } = costs;
    if (options.json) printJson({ ...reduction, profiles: { head, tail }, picture: out, codecs });
    else {
      const pictures = codecs === null ? `picture: ${out}` : `pictures: ${out}, ${codecs}`;
      process.stdout.write(`${reductionText(reduction)}profiles: ${head}, ${tail}\n${pictures}\n`);
    }
  },
});
