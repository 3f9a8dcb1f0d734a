import { seededRandom } from "../graph/fixture.ts";
import { normal } from "./fixture.ts";
import { Link } from "./link.ts";
const r = seededRandom(1);
const link = Link.start({ rttMs: 50, uplinkBps: 10e6 });
const t0 = performance.now();
const N = 300;
for (let i = 0; i < N; i++) {
  const bytes = 300 * (200000/300) ** r();
  const y = (40 + 8000 * bytes / 5.85e6) * Math.exp(0.1 * normal(r));
  link.observe({ tMs: i * 300, bytes, elapsedMs: y, serverMs: 0 });
  if (i % 30 === 9) console.log(i, link.estimate(), link.restartProbability);
}
console.log("ms per sample", (performance.now() - t0) / N);
const t1 = performance.now();
for (let i = 0; i < 100; i++) link.predict(1e6, 3e4, [0.025, 0.5, 0.975]);
console.log("predict ms", (performance.now() - t1) / 100, link.predict(1e6, 3e4, [0.025, 0.5, 0.95, 0.975]));
