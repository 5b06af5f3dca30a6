// Draws the lanes of the timeline, and tells the extension where somebody points, clicks, or turns the wheel.
/* global acquireVsCodeApi, document, window, requestAnimationFrame */
'use strict';

const vscode = acquireVsCodeApi();
const svg = document.getElementById('lanes');
const tip = document.getElementById('tip');

const LABELS = 170;
const START = 160; // wide is the text of the day and time at which it began
const NARROW = 480; // below, names go above their lanes
const LANES = { least: 32, most: 96 };
const GAP = 10;
const AXIS = 18;
const HINT = 30;
const MARGIN = 8; // so that the last event is not at the very edge
const TITLES = {
  snapshot: 'Snapshot before event',
  failure: 'Something went wrong in event',
  answer: 'In an answer: event',
  here: 'The session stands at event',
  crash: 'Crashed in event',
};
/** What is drawn over what. */
const KINDS = Object.keys(TITLES);
const HELP = 'A click goes to the event, the wheel zooms, with Shift it moves; a double-click shows all.';
const UNITS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

let picture;

window.addEventListener('message', ({ data }) => {
  if (data.shows === 'event') return showTip(data.text);
  picture = data.shows === 'lanes' ? data : undefined;
  document.getElementById('nothing').hidden = picture !== undefined;
  document.getElementById('more').textContent = [picture?.more, picture && HELP].filter(Boolean).join('. ');
  draw();
});
window.addEventListener('resize', () => requestAnimationFrame(draw));

/** An element with attributes, in `parent`. */
function add(parent, name, attributes, text) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}

function layout() {
  const width = svg.clientWidth || 300;
  const narrow = width < NARROW;
  const left = narrow ? 0 : LABELS;
  const gap = GAP + (narrow ? 16 : 0);
  const room = (window.innerHeight - AXIS - HINT) / picture.lanes.length - gap;
  const lane = Math.round(Math.min(LANES.most, Math.max(LANES.least, room)));
  return { width, narrow, left, lane, span: Math.max(1, width - left - MARGIN), pitch: lane + gap };
}

const xOf = ({ left, span }, at) => left + ((at - picture.stretch.from) / (picture.stretch.to - picture.stretch.from)) * span;

function draw() {
  svg.replaceChildren();
  if (picture === undefined) return;
  const place = layout();
  svg.setAttribute('height', picture.lanes.length * place.pitch + AXIS + 4);
  drawAxis(place);
  picture.lanes.forEach((lane, i) => drawLane(lane, i * place.pitch + (place.narrow ? 16 : 4), place));
}

function drawLane(lane, top, place) {
  const group = add(svg, 'g', { class: 'lane', 'data-reactor': lane.reactor });
  const name = `${lane.name} `;
  add(group, 'text', { x: 0, y: place.narrow ? top - 4 : top + 16 }, name);
  const below = `${lane.type}, ${lane.events.toLocaleString('en-US')} events`;
  if (!place.narrow) add(group, 'text', { x: 0, y: top + 31, class: 'dim' }, below.length > 28 ? `${below.slice(0, 27)}…` : below);
  add(group, 'rect', { class: 'ground', x: place.left, y: top, width: place.span, height: place.lane });
  add(group, 'path', { class: 'counts', d: countsPath(lane.counts, top, place) });
  for (const mark of [...lane.marks].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind))) drawMark(group, lane, mark, top, place);
}

/** The pieces as one outline; a piece with one event can be seen, however many the fullest has. */
function countsPath(counts, top, { left, span, lane }) {
  const most = Math.max(1, ...counts);
  const bottom = top + lane;
  const step = span / counts.length;
  const heightOf = (count) => (count === 0 ? 0 : Math.max(3, (count / most) * (lane - 8)));
  const line = counts.map((count, i) => `V${bottom - heightOf(count)}H${left + step * (i + 1)}`);
  return `M${left} ${bottom}${line.join('')}V${bottom}Z`;
}

function drawMark(group, lane, { kind, event, at }, top, place) {
  const x = xOf(place, at);
  const bottom = top + place.lane;
  const mark = add(group, 'g', { class: `mark ${kind}`, role: 'button', 'aria-label': `${TITLES[kind]} ${event.toLocaleString('en-US')}` });
  mark.dataset.event = event;
  if (kind === 'snapshot') add(mark, 'path', { d: `M${x - 4} ${bottom}h8l-4 -6Z` });
  else add(mark, 'line', { x1: x, x2: x, y1: top, y2: bottom });
  if (kind === 'crash') add(mark, 'path', { d: `M${x - 4} ${top}l8 8m0 -8l-8 8`, 'stroke-width': 2.5 });
  if (kind === 'answer' || kind === 'failure') add(mark, 'circle', { cx: x, cy: top + 4, r: 4 });
  if (kind === 'here') add(mark, 'path', { d: `M${x - 5} ${bottom + 7}h10l-5 -7Z` });
  add(mark, 'rect', {
    class: 'reach',
    x: x - 5,
    y: kind === 'snapshot' ? bottom - 8 : top,
    width: 10,
    height: kind === 'snapshot' ? 8 : place.lane,
  });
  mark.addEventListener('click', (click) => {
    click.stopPropagation();
    vscode.postMessage({ does: 'goTo', reactor: lane.reactor, event });
  });
}

function drawAxis(place) {
  const { from, to } = picture.stretch;
  const bottom = picture.lanes.length * place.pitch + 4;
  const step = roundStep((to - from) / Math.max(2, place.span / 110));
  const [unit, name] = UNITS.find(([size]) => step >= size) ?? UNITS.at(-1);
  let free = 0; // no text begins before
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const x = xOf(place, at);
    add(svg, 'line', { class: 'tick', x1: x, x2: x, y1: 0, y2: bottom });
    const isStart = at === 0 && x + START < place.width;
    if (x < free || x + 60 > place.width) continue;
    add(
      svg,
      'text',
      { class: 'dim', x: x + 2, y: bottom + 12 },
      isStart ? picture.start : `+${Number((at / unit).toPrecision(8))} ${name}`,
    );
    free = x + (isStart ? START : 0);
  }
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
}

// ---- the mouse

/** The lane and the time at the mouse; undefined beside the lanes. */
function at({ clientX, clientY }) {
  if (picture === undefined) return undefined;
  const place = layout();
  const box = svg.getBoundingClientRect();
  const lane = picture.lanes[Math.floor((clientY - box.top) / place.pitch)];
  const share = (clientX - box.left - place.left) / place.span;
  if (lane === undefined || share < 0 || share > 1) return undefined;
  const { from, to } = picture.stretch;
  return { reactor: lane.reactor, at: from + share * (to - from) };
}

svg.addEventListener('click', (click) => {
  const point = at(click);
  if (point) vscode.postMessage({ does: 'go', ...point });
});

svg.addEventListener('mousemove', (move) => {
  const point = at(move);
  const mark = move.target.closest('.mark');
  tip.hidden = true;
  tip.style.left = `${Math.min(move.clientX + 14, window.innerWidth - 220)}px`;
  tip.style.top = `${Math.max(0, move.clientY - 26)}px`;
  if (mark) showTip(mark.getAttribute('aria-label'));
  else if (point) vscode.postMessage({ does: 'point', ...point });
});

svg.addEventListener('mouseleave', () => (tip.hidden = true));

function showTip(text) {
  tip.textContent = text;
  tip.hidden = false;
}

/** The wheel zooms at the mouse; with Shift it moves. */
svg.addEventListener(
  'wheel',
  (turn) => {
    const point = at(turn);
    if (!point) return;
    turn.preventDefault();
    const { from, to } = picture.stretch;
    const shift = turn.shiftKey ? (to - from) * Math.sign(turn.deltaY + turn.deltaX) * 0.1 : 0;
    const factor = turn.shiftKey ? 1 : turn.deltaY > 0 ? 1.5 : 1 / 1.5;
    const start = point.at - (point.at - from) * factor + shift;
    vscode.postMessage({ does: 'zoom', from: start, to: start + (to - from) * factor });
  },
  { passive: false },
);

svg.addEventListener('dblclick', () => vscode.postMessage({ does: 'zoom', ...picture.whole }));

vscode.postMessage({ does: 'start' });
