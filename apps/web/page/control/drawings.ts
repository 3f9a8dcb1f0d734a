import type { Sample } from "./store.ts";

const SIDE = 256;

type Pen = CanvasRenderingContext2D;

/** Simple pictures of some of the classes, drawn here and labelled so: they are no photos. */
export async function drawings(): Promise<readonly Sample[]> {
  return Promise.all(
    Object.entries(DRAWINGS).map(async ([label, draw]): Promise<Sample> => {
      const canvas = document.createElement("canvas");
      canvas.width = SIDE;
      canvas.height = SIDE;
      const pen = canvas.getContext("2d")!;
      draw(pen);
      const file = (await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.9)))!;
      return { label, file, url: URL.createObjectURL(file) };
    }),
  );
}

const DRAWINGS: Readonly<Record<string, (pen: Pen) => void>> = {
  "golf ball": (pen) => {
    background(pen, "#7fb069", "#2f6b2f");
    disc(pen, 128, 138, 78, shade(pen, 100, 105, 92, "#ffffff", "#b9bec4"));
    for (let row = -4; row <= 4; row++) {
      for (let column = -4; column <= 4; column++) {
        const [x, y] = [column * 17 + (row % 2) * 8.5, row * 15];
        if (Math.hypot(x, y) < 70) disc(pen, 128 + x, 138 + y, 4.5, "#9aa1a8");
      }
    }
  },
  church: (pen) => {
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
  },
  "gas pump": (pen) => {
    background(pen, "#c9d3da", "#8f979c");
    pen.fillStyle = "#59616a";
    pen.fillRect(0, 222, 256, 34);
    pen.fillStyle = "#c62828";
    pen.fillRect(70, 30, 104, 196);
    pen.fillStyle = "#eceff1";
    pen.fillRect(82, 46, 80, 54);
    pen.fillStyle = "#1f2a30";
    for (const y of [54, 76]) pen.fillRect(92, y, 60, 15);
    pen.fillStyle = "#ffca28";
    pen.fillRect(82, 118, 80, 34);
    line(pen, "#202427", 9, (path) => {
      path.moveTo(174, 70);
      path.bezierCurveTo(232, 70, 232, 210, 200, 206);
      path.bezierCurveTo(178, 204, 196, 130, 184, 112);
    });
    fill(pen, "#37474f", [172, 88, 204, 96, 196, 122, 172, 116]);
  },
  parachute: (pen) => {
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
  },
  tench: (pen) => {
    background(pen, "#9fb98d", "#4d6a4a");
    fill(pen, "#5c5a2a", [190, 128, 240, 90, 234, 130, 242, 172]);
    fill(pen, "#5c5a2a", [104, 84, 150, 58, 168, 90]);
    fill(pen, "#5c5a2a", [110, 168, 132, 196, 148, 166]);
    pen.fillStyle = shade(pen, 110, 100, 110, "#a79a4a", "#59602c");
    pen.beginPath();
    pen.ellipse(114, 128, 92, 46, 0, 0, 2 * Math.PI);
    pen.fill();
    line(pen, "#6f6c33", 3, (path) => path.arc(52, 128, 36, -0.9, 0.9));
    disc(pen, 48, 116, 8, "#c8552b");
    disc(pen, 48, 116, 4, "#111111");
    for (let at = 0; at < 30; at++)
      disc(pen, 96 + (at % 10) * 10, 108 + Math.floor(at / 10) * 16, 3, "#7d7838");
  },
  "chain saw": (pen) => {
    background(pen, "#d8cbb2", "#a78f6a");
    fill(pen, "#b9c0c6", [112, 132, 238, 118, 248, 130, 240, 144, 114, 158]);
    for (let x = 118; x < 240; x += 12) {
      fill(pen, "#30363b", [
        x,
        131 - (x - 112) * 0.11,
        x + 4,
        122 - (x - 112) * 0.11,
        x + 8,
        130 - (x - 112) * 0.11,
      ]);
      fill(pen, "#30363b", [
        x,
        157 - (x - 112) * 0.11,
        x + 4,
        166 - (x - 112) * 0.11,
        x + 8,
        156 - (x - 112) * 0.11,
      ]);
    }
    fill(pen, "#ef6c00", [30, 110, 118, 104, 126, 178, 34, 184]);
    pen.fillStyle = "#263238";
    pen.fillRect(44, 132, 58, 30);
    line(pen, "#263238", 12, (path) => {
      path.moveTo(40, 112);
      path.bezierCurveTo(36, 66, 96, 62, 106, 104);
    });
    line(pen, "#263238", 10, (path) => {
      path.moveTo(34, 128);
      path.bezierCurveTo(2, 130, 4, 182, 40, 176);
    });
  },
};

function background(pen: Pen, top: string, bottom: string): void {
  const gradient = pen.createLinearGradient(0, 0, 0, SIDE);
  gradient.addColorStop(0, top);
  gradient.addColorStop(1, bottom);
  pen.fillStyle = gradient;
  pen.fillRect(0, 0, SIDE, SIDE);
}

function disc(pen: Pen, x: number, y: number, radius: number, style: string | CanvasGradient): void {
  pen.fillStyle = style;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

function shade(pen: Pen, x: number, y: number, radius: number, light: string, dark: string): CanvasGradient {
  const gradient = pen.createRadialGradient(x, y, radius / 10, x, y, radius);
  gradient.addColorStop(0, light);
  gradient.addColorStop(1, dark);
  return gradient;
}

function fill(pen: Pen, style: string, points: readonly number[]): void {
  pen.fillStyle = style;
  pen.beginPath();
  for (let at = 0; at < points.length; at += 2) pen.lineTo(points[at]!, points[at + 1]!);
  pen.fill();
}

function line(pen: Pen, style: string, width: number, trace: (path: Pen) => void): void {
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.beginPath();
  trace(pen);
  pen.stroke();
}

function arch(pen: Pen, x: number, y: number, width: number, height: number, style: string): void {
  disc(pen, x + width / 2, y, width / 2, style);
  pen.fillRect(x, y, width, height);
}
