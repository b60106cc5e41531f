// Accepting an invitation. Its secret is in the address behind "#", hidden from servers and logs.
import { element, showPassword, warnOfInsecureAddress } from "../elements.ts";
import { acceptInvitation, explainFailure } from "../session.ts";
import { invitation as text } from "./strings.ts";
import { session } from "../strings.ts";

const invitation = location.hash.slice(1);
// Remove the secret from the address and the history before other code can read it.
history.replaceState(null, "", location.pathname);

const form = element("form", HTMLFormElement);
const submit = element("#submit", HTMLButtonElement);
const reveal = element("#reveal", HTMLButtonElement);
const password = element("#password", HTMLInputElement);
const problem = element("#problem", HTMLParagraphElement);

function showProblem(message: string, isAboutPassword = false): void {
  problem.textContent = message;
  problem.hidden = message === "";
  password.setAttribute("aria-invalid", String(isAboutPassword));
}

function setBusy(busy: boolean): void {
  submit.disabled = busy;
  submit.textContent = busy ? text.submitting : text.submit;
  form.setAttribute("aria-busy", String(busy));
}

function showDone(): void {
  const done = element("#done", HTMLDivElement);
  element("#open", HTMLDivElement).hidden = true;
  done.hidden = false;
  done.querySelector("h1")?.focus();
}

async function accept(): Promise<void> {
  showProblem("");
  setBusy(true);
  showPassword(password, reveal, false); // Password managers save fields of type "password".
  try {
    const response = await acceptInvitation({ invitation, password: password.value });
    if (response.status === 204) {
      showDone();
      return;
    }
    const { message, field } = await explainFailure(response);
    showProblem(message, field === "password");
  } catch {
    showProblem(session.offline);
  }
  setBusy(false);
  password.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!submit.disabled) void accept();
});
reveal.addEventListener("click", () => showPassword(password, reveal, password.type === "password"));
// Another link in the same tab: the browser changes only the part behind "#", without reloading.
window.addEventListener("hashchange", () => location.reload());
warnOfInsecureAddress();
if (invitation === "") {
  showProblem(text.noInvitation);
  submit.disabled = true;
}
