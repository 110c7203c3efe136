/**
 * Adam (Kingma and Ba, 2015) over parameters in plain arrays. Only + - * / and the square root are
 * used, which IEEE 754 rounds alike everywhere, so that training gives the same bits everywhere.
 */

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Adam over plain arrays. */
export class Adam {
  readonly #parameters: readonly Float32Array[];
  readonly #first: readonly Float32Array[];
  readonly #second: readonly Float32Array[];
  /** Powers of the betas, which correct the moments' start at zero. */
  #power1 = 1;
  #power2 = 1;

  constructor(parameters: readonly Float32Array[]) {
    this.#parameters = parameters;
    this.#first = parameters.map(({ length }) => new Float32Array(length));
    this.#second = parameters.map(({ length }) => new Float32Array(length));
  }

  /** Moves all parameters by one step against their gradients. */
  step(gradients: readonly Float32Array[], learningRate: number): void {
    this.#power1 *= BETA1;
    this.#power2 *= BETA2;
    const correct1 = 1 / (1 - this.#power1);
    const correct2 = 1 / (1 - this.#power2);
    this.#parameters.forEach((parameter, which) => {
      const gradient = gradients[which] as Float32Array;
      const first = this.#first[which] as Float32Array;
      const second = this.#second[which] as Float32Array;
      for (let i = 0; i < parameter.length; i++) {
        const g = gradient[i] as number;
        const m = BETA1 * (first[i] as number) + (1 - BETA1) * g;
        const v = BETA2 * (second[i] as number) + (1 - BETA2) * g * g;
        first[i] = m;
        second[i] = v;
        const step = (learningRate * m * correct1) / (Math.sqrt(v * correct2) + EPSILON);
        parameter[i] = (parameter[i] as number) - step;
      }
    });
  }
}
