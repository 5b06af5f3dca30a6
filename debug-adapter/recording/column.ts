// A growing column of 32-bit numbers: a million events are two of these, not a million objects.

export class Column {
  private values = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.grow();
    this.values[this.length++] = value;
  }

  at(index: number): number {
    return index < this.length ? (this.values[index] as number) : 0;
  }

  set(index: number, value: number): void {
    if (index < this.length) this.values[index] = value;
  }

  /** The first index whose value is at least `value`, in a column that never falls. */
  lowerBound(value: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(): void {
    const larger = new Uint32Array(this.values.length * 2);
    larger.set(this.values);
    this.values = larger;
  }
}
