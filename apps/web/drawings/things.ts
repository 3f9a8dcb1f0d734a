import { background, box, disc, down, fill, line, oval, type Pen, shade } from "./pen.ts";

export function gasPump(pen: Pen): void {
  background(pen, "#8fa9b8", "#b9c4c9");
  box(pen, "#9a9488", 0, 150, 256, 72);
  box(pen, "#59616a", 0, 222, 256, 34);
  for (const x of [12, 140]) {
    box(pen, "#c62828", x, 30, 104, 196);
    box(pen, "#eceff1", x + 12, 46, 80, 54);
    for (const y of [54, 76]) box(pen, "#1f2a30", x + 22, y, 60, 15);
    box(pen, "#ffca28", x + 12, 118, 80, 34);
    box(pen, "#7f1d1d", x, 220, 104, 8);
    for (let at = 0; at < 3; at++) box(pen, "#37474f", x + 16 + at * 26, 164, 18, 22);
    line(pen, "#202427", 9, (path) => {
      path.moveTo(x + 104, 70);
      path.bezierCurveTo(x + 162, 70, x + 162, 210, x + 130, 206);
      path.bezierCurveTo(x + 108, 204, x + 126, 130, x + 114, 112);
    });
    fill(pen, "#37474f", [x + 102, 88, x + 134, 96, x + 126, 122, x + 102, 116]);
  }
}

export function chainSaw(pen: Pen): void {
  background(pen, "#efe9df", "#cdbfa8");
  const black = "#16181a";
  fill(pen, "#24282c", [112, 126, 232, 112, 246, 118, 252, 130, 246, 142, 232, 148, 112, 160]);
  for (let x = 116; x < 240; x += 10) {
    const [above, below] = [0.12 * (x - 112), 0.1 * (x - 112)];
    fill(pen, black, [x, 127 - above, x + 3, 118 - above, x + 7, 124 - above]);
    fill(pen, black, [x, 159 - below, x + 3, 167 - below, x + 7, 158 - below]);
  }
  const bar = down(pen, 110, 150, "#e7ebee", "#8c959c");
  fill(pen, bar, [112, 131, 232, 118, 242, 122, 246, 130, 242, 138, 232, 142, 112, 155]);
  for (const x of [150, 190]) oval(pen, x, 136, 10, 3, "#6c757c", -0.1);
  line(pen, black, 13, (path) => {
    path.moveTo(30, 160);
    path.bezierCurveTo(-6, 150, 0, 92, 36, 96);
    path.lineTo(66, 100);
  });
  line(pen, black, 11, (path) => {
    path.moveTo(50, 116);
    path.bezierCurveTo(40, 44, 118, 48, 110, 116);
  });
  const body = down(pen, 96, 190, "#ff7a1a", "#c9430a");
  fill(pen, body, [28, 108, 50, 96, 104, 98, 124, 112, 128, 176, 118, 188, 36, 190, 24, 176]);
  fill(pen, "#1d2124", [76, 112, 124, 112, 127, 172, 80, 180]);
  for (let y = 120; y < 172; y += 9) fill(pen, "#3a4046", [82, y, 120, y - 2, 120, y + 2, 82, y + 4]);
  disc(pen, 52, 150, 22, "#1d2124");
  disc(pen, 52, 150, 16, "#30363b");
  for (let spoke = 0; spoke < 9; spoke++) {
    const angle = 0.7 * spoke;
    line(pen, black, 2, (path) => {
      path.moveTo(52, 150);
      path.lineTo(52 + 15 * Math.cos(angle), 150 + 15 * Math.sin(angle));
    });
  }
  disc(pen, 98, 184, 5, "#9aa1a8");
  box(pen, "#ffffff", 32, 112, 34, 9);
  line(pen, black, 8, (path) => {
    path.moveTo(112, 110);
    path.lineTo(124, 82);
  });
}

export function cassettePlayer(pen: Pen): void {
  background(pen, "#d9d2c4", "#a99b85");
  box(pen, "#2b2e33", 22, 78, 212, 128);
  box(pen, "#3a3e45", 28, 84, 200, 22);
  for (const x of [64, 192]) {
    disc(pen, x, 156, 38, "#17191c");
    for (let radius = 34; radius > 6; radius -= 7)
      disc(pen, x, 156, radius, radius % 2 === 1 ? "#33373d" : "#1e2125");
    disc(pen, x, 156, 9, "#7c828b");
  }
  box(pen, "#8d949e", 104, 118, 48, 42);
  box(pen, "#1c1f22", 108, 122, 40, 30);
  for (const x of [119, 137]) {
    disc(pen, x, 137, 7, "#e9e9e6");
    disc(pen, x, 137, 3, "#1c1f22");
  }
  for (let key = 0; key < 5; key++) box(pen, key === 0 ? "#c0392b" : "#c5cad1", 104 + key * 10, 170, 8, 14);
  box(pen, "#d8dfc0", 36, 88, 114, 13);
  for (let mark = 0; mark < 20; mark++) box(pen, "#333333", 40 + mark * 5.4, 90, 1, mark % 5 === 0 ? 8 : 4);
  for (const x of [168, 190, 212]) disc(pen, x, 95, 7, "#b9bfc7");
  line(pen, "#2b2e33", 9, (path) => {
    path.moveTo(44, 80);
    path.lineTo(44, 46);
    path.lineTo(212, 46);
    path.lineTo(212, 80);
  });
}

export function frenchHorn(pen: Pen): void {
  background(pen, "#6b4a3a", "#33221b");
  pen.lineCap = "round";
  // Tubes: a dark rim, brass, a gleam.
  for (const [width, colour] of [
    [15, "#8a6420"],
    [11, "#e0b54e"],
    [4, "#fff1bf"],
  ] as const) {
    line(pen, colour, width, (path) => path.arc(116, 116, 74, 0.3, 6.1));
    line(pen, colour, width * 0.8, (path) => path.arc(116, 116, 50, 0, 2 * Math.PI));
    line(pen, colour, width * 0.7, (path) => {
      path.moveTo(64, 96);
      path.quadraticCurveTo(116, 60, 168, 100);
    });
    line(pen, colour, width * 0.6, (path) => {
      path.moveTo(44, 96);
      path.lineTo(22, 34);
    });
  }
  pen.fillStyle = shade(pen, 110, 100, 130, "#ffe9a3", "#b5842a");
  pen.beginPath();
  pen.moveTo(150, 132);
  pen.quadraticCurveTo(180, 150, 176, 236);
  pen.lineTo(248, 176);
  pen.quadraticCurveTo(196, 160, 166, 112);
  pen.fill();
  oval(pen, 206, 204, 52, 30, "#8a6420", -0.72);
  oval(pen, 206, 204, 46, 24, "#3a2a12", -0.72);
  oval(pen, 203, 202, 30, 12, "#caa04a", -0.72);
  for (const x of [92, 114, 136]) {
    box(pen, "#d9ae4b", x - 7, 104, 14, 46);
    oval(pen, x, 104, 8, 4, "#fff1bf");
    oval(pen, x, 150, 7, 4, "#8a6420");
  }
}
