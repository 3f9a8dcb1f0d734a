import { randomFrom } from "#shared/random";
import { arch, background, blob, disc, down, fill, line, oval, type Pen, SIDE, shade } from "./pen.ts";

export function golfBall(pen: Pen): void {
  background(pen, "#7fb069", "#2f6b2f");
  disc(pen, 128, 138, 78, shade(pen, 100, 105, 92, "#ffffff", "#b9bec4"));
  for (let row = -4; row <= 4; row++) {
    for (let column = -4; column <= 4; column++) {
      const [x, y] = [column * 17 + (row % 2) * 8.5, row * 15];
      if (Math.hypot(x, y) < 70) disc(pen, 128 + x, 138 + y, 4.5, "#9aa1a8");
    }
  }
}

export function church(pen: Pen): void {
  background(pen, "#8fc1ea", "#dcecf7");
  fill(pen, "#6a9a4f", [0, 215, 256, 215, 256, 256, 0, 256]);
  fill(pen, "#e9e2d0", [96, 120, 226, 120, 226, 218, 96, 218]);
  fill(pen, "#8c4a3c", [86, 122, 161, 78, 236, 122]);
  fill(pen, "#f3ede0", [48, 84, 104, 84, 104, 218, 48, 218]);
  fill(pen, "#5b4a52", [42, 86, 76, 12, 110, 86]);
  pen.fillStyle = "#3d3a44";
  pen.fillRect(73, 0, 5, 16);
  pen.fillRect(68, 4, 15, 4);
  for (const x of [122, 156, 190]) arch(pen, x, 150, 16, 40, "#47607a");
  arch(pen, 66, 120, 20, 32, "#47607a");
  arch(pen, 64, 182, 24, 36, "#6b4226");
}

export function parachute(pen: Pen): void {
  background(pen, "#2f7fd0", "#bfe0f8");
  const colours = ["#e53935", "#fdd835", "#1e88e5", "#fdd835", "#e53935"];
  colours.forEach((colour, at) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(128, 26);
    pen.ellipse(128, 112, 92, 86, 0, Math.PI * (1 + at / 5), Math.PI * (1 + (at + 1) / 5));
    pen.fill();
  });
  for (let at = 0; at <= 5; at++) {
    const x = 128 - 92 * Math.cos((Math.PI * at) / 5);
    line(pen, "#f5f5f5", 1.6, (path) => {
      path.moveTo(x, 112 - 86 * Math.sin((Math.PI * at) / 5) * (at % 5 === 0 ? 0 : 0.05));
      path.lineTo(128, 196);
    });
  }
  disc(pen, 128, 196, 8, "#30343a");
  pen.fillStyle = "#30343a";
  pen.fillRect(121, 202, 14, 26);
}

/** A fish in the grass, as anglers photograph them. */
export function tench(pen: Pen): void {
  background(pen, "#6f8f4c", "#3f6a2d");
  grass(pen);
  const fin = "#3c3b22";
  blob(
    pen,
    fin,
    [204, 124, 220, 105, 240, 93, 249, 93, 241, 112, 241, 152, 249, 171, 235, 170, 218, 160, 204, 142],
  );
  blob(pen, fin, [104, 97, 117, 75, 137, 66, 157, 75, 160, 85, 162, 95, 163, 105]);
  blob(pen, fin, [153, 161, 163, 180, 176, 184, 189, 179, 187, 168, 184, 158, 183, 152]);
  blob(pen, fin, [95, 165, 99, 184, 110, 191, 126, 187, 125, 178, 124, 170, 124, 165]);
  const skin = down(pen, 89, 175, "#3f4420", "#7d7a35", "#b39a4b", "#c9b774");
  const back = [30, 103, 85, 87, 128, 91, 163, 95, 193, 114, 214, 122];
  const belly = [183, 156, 153, 173, 114, 173, 65, 173, 28, 158, 14, 138];
  blob(pen, skin, [14, 138, ...back, 214, 130, 214, 136, 214, 144, ...belly]);
  line(pen, "#4b4a22", 2.5, (path) => path.arc(26, 132, 43, -0.75, 0.85));
  oval(pen, 89, 148, 22, 9, "#4a4826", 0.5);
  pen.globalAlpha = 0.25;
  for (let at = 0; at < 96; at++) {
    const [row, column] = [Math.floor(at / 16), at % 16];
    line(pen, "#2e2f14", 1, (path) =>
      path.arc(75 + column * 9 + (row % 2) * 4, 108 + row * 10, 4, -1.2, 1.2),
    );
  }
  pen.globalAlpha = 1;
  disc(pen, 38, 124, 6, "#b5482a");
  disc(pen, 38, 124, 3, "#0d0d0d");
  line(pen, "#5b5526", 2, (path) => {
    path.moveTo(14, 140);
    path.quadraticCurveTo(24, 146, 32, 144);
  });
}

/** The same blades each time. */
function grass(pen: Pen): void {
  const random = randomFrom(7);
  for (let blade = 0; blade < 900; blade++) {
    const [x, y, lean] = [SIDE * random(), SIDE * random(), 8 * (random() - 0.5)];
    const [hue, colour, light] = [85 + 30 * random(), 35 + 25 * random(), 22 + 25 * random()];
    line(pen, `hsl(${hue} ${colour}% ${light}%)`, 1.5, (path) => {
      path.moveTo(x, y);
      path.lineTo(x + lean, y - 6 - (10 * y) / SIDE);
    });
  }
}

export function garbageTruck(pen: Pen): void {
  background(pen, "#a9c8e4", "#dfe9ef");
  fill(pen, "#8fa27a", [0, 176, 256, 176, 256, 200, 0, 200]);
  fill(pen, "#777b80", [0, 196, 256, 196, 256, 256, 0, 256]);
  fill(pen, "#2f8f46", [70, 62, 226, 62, 240, 100, 240, 186, 70, 186]);
  fill(pen, "#256f37", [70, 62, 92, 62, 92, 186, 70, 186]);
  for (let x = 104; x < 224; x += 20) fill(pen, "#287b3c", [x, 70, x + 6, 70, x + 6, 180, x, 180]);
  fill(pen, "#1f5f30", [226, 90, 250, 116, 250, 190, 226, 190]);
  fill(pen, "#e8eaec", [10, 112, 34, 84, 66, 84, 66, 194, 10, 194]);
  fill(pen, "#31414d", [18, 114, 37, 92, 58, 92, 58, 132, 18, 132]);
  fill(pen, "#2b2e31", [10, 184, 246, 184, 246, 198, 10, 198]);
  for (const x of [42, 150, 196]) {
    disc(pen, x, 204, 22, "#1b1c1e");
    disc(pen, x, 204, 10, "#a7abb0");
  }
  fill(pen, "#f6e58d", [10, 168, 20, 168, 20, 178, 10, 178]);
}
