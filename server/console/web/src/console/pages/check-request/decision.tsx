// The decision on a request, and its steps in their order.
import { Link } from "wouter";
import type {
  ExplainQuery,
  ShownStepFragment,
  TokenDetailsFragment,
} from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { MethodBadge, PermissionLine } from "../../parts/permission.tsx";
import { Tag, type Tone } from "../../parts/tag.tsx";
import { paths } from "../../paths.ts";
import { check as text } from "./strings.ts";

interface Props {
  token: TokenDetailsFragment;
  found: NonNullable<ExplainQuery["explain"]>;
}

const TONES: Record<ShownStepFragment["outcome"], Tone> = {
  PASSED: "good",
  FAILED: "danger",
  NOT_REACHED: "plain",
};

export function Decision({ token, found }: Props) {
  const { mayChange } = useViewer();
  const isAllowed = found.decision === "ALLOW";
  const status = String(found.status);
  const lacksPermission = found.code === "INSUFFICIENT_SCOPE";
  return (
    <div className="tab-content">
      <p className="decision">
        <Tag tone={isAllowed ? "good" : "danger"}>{isAllowed ? text.allowed : text.denied}</Tag>
        {found.code ? text.deniedLead(status, found.code) : text.allowedLead(status)}
        {lacksPermission && mayChange && (
          <Link href={paths.editPermissions(token.id)}>{text.grant}</Link>
        )}
      </p>
      <ol className="steps" aria-label={text.steps}>
        {found.steps.map((step) => (
          <Step key={step.kind} step={step} />
        ))}
      </ol>
    </div>
  );
}

function Step({ step }: { step: ShownStepFragment }) {
  const { kind, outcome, sentence, permission, near, networks } = step;
  return (
    <li className={outcome.toLowerCase().replace("_", "-")}>
      <strong>{text.kinds[kind]}</strong>
      <div>
        <p>{sentence}</p>
        {kind === "OPERATION" && permission && <PermissionLine permission={permission} />}
        {networks.length > 0 && (
          <ul className="step-details">
            {networks.map((network) => (
              <li key={network}>
                <code>{network}</code>
              </li>
            ))}
          </ul>
        )}
        {near.length > 0 && <Near near={near} />}
      </div>
      <Tag tone={TONES[outcome]}>{text.outcomes[outcome]}</Tag>
    </li>
  );
}

function Near({ near }: Pick<ShownStepFragment, "near">) {
  return (
    <ul className="step-details" aria-label={text.near}>
      {near.map(({ difference, method, path, reason }) => (
        <li key={`${difference} ${method} ${path}`}>
          <MethodBadge method={method} /> <code>{path}</code> {text.differences[difference]}
          {reason && `: ${reason}`}
        </li>
      ))}
    </ul>
  );
}
