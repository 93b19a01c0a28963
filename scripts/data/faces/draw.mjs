// Draws aligned frontal toon faces, and masks of their parts, from a seed.
//
//   node draw.mjs --out DIR [--count 30000] [--masks 1000] [--size 64] [--seed 1] [--svg]
//
// --svg: DIR/faces.svg.txt instead, a drawing on each line, to be painted elsewhere (scripts/data/paint.py)
// DIR/images/00000.png ...        the faces
// DIR/masks/PART/00000.png ...    how much of each pixel PART covers, for the first --masks faces
// DIR/faces.jsonl                 what was drawn: components, colours, placement
//
// Faces: "ToonHead" by Johan Melin (CC BY 4.0), through @dicebear/toon-head. Changed here:
// continuous colours, painted backgrounds, and small shifts, scalings and rotations.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createAvatar } from "@dicebear/core";
import * as toonHead from "@dicebear/toon-head";
import { Resvg } from "@resvg/resvg-js";

// Back to front, as the style itself stacks them.
const COMPONENTS = ["rearHair", "body", "head", "clothes", "mouth", "beard", "eyes", "eyebrows", "hair"];
const PARTS = {
  hair: ["rearHair", "hair"],
  skin: ["body", "head"],
  clothes: ["clothes"],
  mouth: ["mouth"],
  beard: ["beard"],
  eyes: ["eyes"],
  eyebrows: ["eyebrows"],
};
// Open eyes and clear mouths come up more often: closed ones nearly vanish at 64 pixels.
const WEIGHTS = { wide: 4, humble: 2, laugh: 3, smile: 2, agape: 2 };
const PROBABILITY = { rearHair: 0.5, beard: 0.3, hair: 0.96 };
// Light to dark; a face's colour lies anywhere between two neighbours.
const SKIN_TONES = [[255, 224, 196], [241, 195, 165], [224, 172, 132], [198, 142, 122], [163, 107, 79], [120, 76, 52], [84, 52, 38]];
const HAIR_TONES = [[28, 20, 20], [62, 38, 28], [114, 65, 51], [165, 87, 40], [181, 129, 67], [222, 190, 125], [205, 200, 196]];
const FACE_CENTRE = [384, 378]; // in the style's 768x768 canvas
const FRAME = 620; // side of the square around the centre that fills the image

const options = parseArgs({
  options: {
    out: { type: "string" },
    count: { type: "string", default: "30000" },
    masks: { type: "string", default: "1000" },
    size: { type: "string", default: "64" },
    seed: { type: "string", default: "1" },
    svg: { type: "boolean", default: false },
  },
}).values;
if (!options.out) throw new Error("name the folder to draw into: --out DIR");
if (fs.existsSync(options.out)) throw new Error(`${options.out} exists already; remove it or name another folder`);
if (options.svg) write(options.out, Number(options.count), Number(options.seed));
else draw(options.out, Number(options.count), Number(options.masks), Number(options.size), Number(options.seed));

function draw(out, count, maskCount, size, seed) {
  fs.mkdirSync(path.join(out, "images"), { recursive: true });
  for (const part of [...Object.keys(PARTS), "background"]) {
    fs.mkdirSync(path.join(out, "masks", part), { recursive: true });
  }
  const log = fs.createWriteStream(path.join(out, "faces.jsonl"));
  for (let index = 0; index < count; index++) {
    const face = chooseFace(randomSource(seed * 1_000_003 + index));
    const file = `${String(index).padStart(5, "0")}.png`;
    fs.writeFileSync(path.join(out, "images", file), toPng(paint(face), size));
    if (index < maskCount) {
      for (const part of [...Object.keys(PARTS), "background"]) {
        fs.writeFileSync(path.join(out, "masks", part, file), toPng(paintMask(face, part), size));
      }
    }
    const { fragments, ...description } = face;
    log.write(JSON.stringify({ file, ...description }) + "\n");
    if ((index + 1) % 1000 === 0) console.log(`${index + 1} of ${count} faces`);
  }
  log.end();
}

function write(out, count, seed) {
  fs.mkdirSync(out, { recursive: true });
  const file = fs.openSync(path.join(out, "faces.svg.txt"), "w");
  for (let index = 0; index < count; index++) {
    const svg = paint(chooseFace(randomSource(seed * 1_000_003 + index)));
    fs.writeSync(file, svg.replace(/\s*\n\s*/g, " ") + "\n");
  }
  fs.closeSync(file);
}

function chooseFace(random) {
  const between = (low, high) => low + (high - low) * random();
  const pick = (list) => list[Math.floor(random() * list.length)];
  const variants = {};
  for (const component of COMPONENTS) {
    const names = toonHead.schema.properties[component].items.enum;
    const variant = pick(names.flatMap((name) => Array(WEIGHTS[name] ?? 1).fill(name)));
    if (random() < (PROBABILITY[component] ?? 1)) variants[component] = variant;
  }
  const dyed = random() < 0.25;
  const colours = {
    skin: jitter(blend(SKIN_TONES, random()), 10, random),
    hair: dyed ? hsl(random(), between(0.35, 0.8), between(0.35, 0.65)) : jitter(blend(HAIR_TONES, random()), 12, random),
    clothes: hsl(random(), between(0, 0.8), between(0.15, 0.85)),
  };
  const background = {
    from: hsl(random(), between(0.1, 0.7), between(0.3, 0.92)),
    to: hsl(random(), between(0.1, 0.7), between(0.3, 0.92)),
    angle: between(0, 360),
  };
  const placement = {
    rotate: between(-8, 8), // degrees
    scale: between(0.92, 1.1),
    x: between(-24, 24), // canvas units
    y: between(-20, 20),
    mirrored: random() < 0.5,
  };
  const fragments = COMPONENTS.filter((c) => c in variants).map((component) => ({
    component,
    svg: drawComponent(component, variants[component], colours),
  }));
  return { variants, colours, background, placement, fragments };
}

function drawComponent(component, variant, colours) {
  const onlyThis = Object.fromEntries(COMPONENTS.map((name) => [name, name === component ? [variant] : []]));
  const svg = createAvatar(toonHead, {
    ...onlyThis,
    rearHairProbability: 100,
    beardProbability: 100,
    hairProbability: 100,
    skinColor: [hex(colours.skin)],
    hairColor: [hex(colours.hair)],
    clothesColor: [hex(colours.clothes)],
  }).toString();
  return svg.slice(svg.indexOf("<g mask=\"url(#viewboxMask)\">") + 28, svg.lastIndexOf("</g>"));
}

function paint(face) {
  const { from, to, angle } = face.background;
  return canvas(
    `<defs><linearGradient id="bg" gradientTransform="rotate(${angle} .5 .5)">` +
      `<stop offset="0" stop-color="#${hex(from)}"/><stop offset="1" stop-color="#${hex(to)}"/></linearGradient></defs>` +
      `<rect width="768" height="768" fill="url(#bg)"/>`,
    place(face, face.fragments.map((fragment) => fragment.svg)),
  );
}

// The same drawing with PART in white and all else in black: what hides PART hides it here too.
function paintMask(face, part) {
  const members = PARTS[part] ?? [];
  const painted = face.fragments.map(({ component, svg }) => flatColour(svg, members.includes(component) ? "white" : "black"));
  return canvas(`<rect width="768" height="768" fill="${part === "background" ? "white" : "black"}"/>`, place(face, painted));
}

function flatColour(svg, colour) {
  return svg
    .replace(/fill-opacity="[^"]*"/g, "")
    .replace(/fill="(?!none)[^"]*"/g, `fill="${colour}"`)
    .replace(/stroke="(?!none)[^"]*"/g, `stroke="${colour}"`);
}

function place({ placement: { rotate, scale, x, y, mirrored } }, fragments) {
  const [cx, cy] = FACE_CENTRE;
  return (
    `<g transform="translate(${384 + x} ${384 + y}) rotate(${rotate}) ` +
    `scale(${(768 / FRAME) * scale * (mirrored ? -1 : 1)} ${(768 / FRAME) * scale}) translate(${-cx} ${-cy})">` +
    `${fragments.join("")}</g>`
  );
}

function canvas(background, drawing) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 768 768" fill="none">${background}${drawing}</svg>`;
}

function toPng(svg, size) {
  return new Resvg(svg, { fitTo: { mode: "width", value: size }, font: { loadSystemFonts: false } }).render().asPng();
}

function blend(tones, position) {
  const scaled = position * (tones.length - 1);
  const left = Math.min(Math.floor(scaled), tones.length - 2);
  return tones[left].map((value, i) => value + (tones[left + 1][i] - value) * (scaled - left));
}

function jitter(colour, amount, random) {
  return colour.map((value) => Math.min(255, Math.max(0, value + (random() * 2 - 1) * amount)));
}

function hsl(hue, saturation, lightness) {
  const amplitude = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const k = (offset + hue * 12) % 12;
    return 255 * (lightness - amplitude * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  });
}

function hex(colour) {
  return colour.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("");
}

// mulberry32: small, seeded and the same on every machine.
function randomSource(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
