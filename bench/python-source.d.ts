/** What importing a .py file gives in a bundle: its text. */

declare module '*.py' {
  const text: string;
  export default text;
}
