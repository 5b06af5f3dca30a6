// Numbers as people read them, here and everywhere: 515,377. What is written for programs has none of this.

export const grouped = (number: number | bigint): string => number.toLocaleString('en-US');

/** What was typed, or copied from where a number is shown. */
export const ungrouped = (text: string): string => text.replace(/(?<=\d),(?=\d{3}(?!\d))/g, '');

export const counted = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
