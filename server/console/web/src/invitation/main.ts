// Accepting an invitation: its secret is in the address, behind "#", where no server and no log sees it.
import { element, showPassword, warnOfInsecureAddress } from "../elements.ts";
import { acceptInvitation, explainFailure } from "../session.ts";
import { strings } from "../strings.ts";

const text = strings.invitation;
const invitation = location.hash.slice(1);
// Out of the address and the history, before anything else can look at it.
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
  showPassword(password, reveal, false); // A password manager saves what is of type "password".
  try {
    const response = await acceptInvitation({ invitation, password: password.value });
    if (response.status === 204) {
      showDone();
      return;
    }
    const { message, field } = await explainFailure(response);
    showProblem(message, field === "password");
  } catch {
    showProblem(strings.signIn.offline);
  }
  setBusy(false);
  password.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!submit.disabled) void accept();
});
reveal.addEventListener("click", () => showPassword(password, reveal, password.type === "password"));
// Another link in the same tab: a browser only changes what stands behind "#".
window.addEventListener("hashchange", () => location.reload());
warnOfInsecureAddress();
if (invitation === "") {
  showProblem(text.noInvitation);
  submit.disabled = true;
}
