// The sign-in form: sends it, says what went wrong, and leads on to where the visitor came from.
import { element, showPassword, warnOfInsecureAddress } from "../elements.ts";
import { keepsSessions } from "../secure-address.ts";
import { explainFailure, openSession, readSession } from "../session.ts";
import { signIn as text } from "./strings.ts";
import { common, session } from "../strings.ts";
import { nextAddress } from "./next.ts";


const form = element("form", HTMLFormElement);
const submit = element("#submit", HTMLButtonElement);
const reveal = element("#reveal", HTMLButtonElement);
const problem = element("#problem", HTMLParagraphElement);
const fields = {
  tenant: element("#tenant", HTMLInputElement),
  email: element("#email", HTMLInputElement),
  password: element("#password", HTMLInputElement),
};

function showProblem(message: string, culprit?: HTMLInputElement): void {
  problem.textContent = message;
  problem.hidden = false;
  culprit?.setAttribute("aria-invalid", "true");
  culprit?.focus();
}

function clearProblem(): void {
  problem.hidden = true;
  problem.textContent = "";
  for (const field of Object.values(fields)) field.removeAttribute("aria-invalid");
}

function setBusy(busy: boolean): void {
  submit.disabled = busy;
  submit.textContent = busy ? session.signingIn : session.signIn;
  form.setAttribute("aria-busy", String(busy));
}

/** The first field left empty. The server judges the rest; a password is never trimmed. */
function firstMissing(): HTMLInputElement | undefined {
  return Object.values(fields).find((field) =>
    field === fields.password ? field.value === "" : field.value.trim() === "",
  );
}

function labelOf(field: HTMLInputElement): string {
  return field.labels?.[0]?.textContent ?? field.name;
}

/** Counts down on the button; the message beside it is announced once, not every second. */
function wait(seconds: number): void {
  const end = Date.now() + seconds * 1000;
  const tick = (): void => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left <= 0) {
      window.clearInterval(timer);
      clearProblem();
      setBusy(false);
      return;
    }
    submit.textContent = session.wait(left);
  };
  const timer = window.setInterval(tick, 500);
  submit.disabled = true;
  tick();
}

async function explain(response: Response): Promise<void> {
  const { message, waitSeconds = 0 } = await explainFailure(response);
  if (response.status === 429 || response.status >= 500) {
    showProblem(message);
    if (waitSeconds > 0) wait(waitSeconds);
    return;
  }
  showProblem(message, fields.password);
  fields.password.select();
}

/** Whether the browser kept the session's cookie. */
async function isSessionKept(): Promise<boolean> {
  try {
    return (await readSession()) !== null;
  } catch {
    return true; // The next page reports the server's problem.
  }
}

async function goOn(): Promise<void> {
  if (!(await isSessionKept())) {
    setBusy(false);
    showProblem(keepsSessions(location) ? text.sessionNotKept : common.insecureAddress);
    return;
  }
  const next = new URLSearchParams(location.search).get("next");
  location.replace(nextAddress(next, location.origin));
}

async function signIn(): Promise<void> {
  clearProblem();
  const missing = firstMissing();
  if (missing !== undefined) {
    showProblem(text.missing(labelOf(missing)), missing);
    return;
  }
  setBusy(true);
  showPassword(fields.password, reveal, false); // Password managers save fields of type "password" on leaving.
  let response: Response;
  try {
    response = await openSession({
      tenant: fields.tenant.value.trim(),
      email: fields.email.value.trim(),
      password: fields.password.value,
    });
  } catch {
    setBusy(false);
    showProblem(session.offline);
    return;
  }
  if (response.status === 201) {
    await response.text(); // Leaving while an answer is on its way shows as a failed request.
    await goOn();
    return;
  }
  setBusy(false);
  await explain(response);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!submit.disabled) void signIn();
});
form.addEventListener("input", (event) => {
  if (event.target instanceof HTMLInputElement) event.target.removeAttribute("aria-invalid");
});
reveal.addEventListener("click", () =>
  showPassword(fields.password, reveal, fields.password.type === "password"),
);

warnOfInsecureAddress();

// On "back", the browser may restore this page from its cache, still busy.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) setBusy(false);
});
