// The form of the pages that are used without a session: its password, problem and busy button.
import { password as text } from "../strings.ts";
import { element } from "./elements.ts";
import { keepsSessions } from "./secure-address.ts";

interface Labels {
  submit: string;
  submitting: string;
}

const form = element("form", HTMLFormElement);
const problem = element("#problem", HTMLParagraphElement);
const reveal = element("#reveal", HTMLButtonElement);
export const submitButton = element("#submit", HTMLButtonElement);
export const password = element("#password", HTMLInputElement);

/** Calls `onSubmit` for each submission, unless the button is disabled. */
export function startForm(onSubmit: () => Promise<void>): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!submitButton.disabled) void onSubmit();
  });
  form.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement) event.target.removeAttribute("aria-invalid");
  });
  reveal.addEventListener("click", () => showPassword(password.type === "password"));
  // Browsers do not keep a session at an insecure address.
  element("#insecure", HTMLParagraphElement).hidden = keepsSessions(location);
}

/** Shows a problem, and moves the focus to the first field that it is about. */
export function showProblem(message: string, ...fields: HTMLInputElement[]): void {
  problem.textContent = message;
  problem.hidden = false;
  for (const field of fields) field.setAttribute("aria-invalid", "true");
  fields[0]?.focus();
}

export function clearProblem(): void {
  problem.hidden = true;
  problem.textContent = "";
  for (const input of form.querySelectorAll("input")) input.removeAttribute("aria-invalid");
}

export function setBusy(busy: boolean, { submit, submitting }: Labels): void {
  submitButton.disabled = busy;
  submitButton.textContent = busy ? submitting : submit;
  form.setAttribute("aria-busy", String(busy));
  // Password managers save only fields of type "password".
  if (busy) showPassword(false);
}

function showPassword(shown: boolean): void {
  password.type = shown ? "text" : "password";
  reveal.textContent = shown ? text.hide : text.show;
  reveal.setAttribute("aria-label", shown ? text.hidePassword : text.showPassword);
}
