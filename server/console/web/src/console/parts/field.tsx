// A labelled form field with its hint and its problem, tied together for screen readers.
import "./field.css";
import { type ComponentProps, type ReactNode, type Ref, useId, useState } from "react";
import { password as text } from "../../strings.ts";
import { Problem } from "./problem.tsx";

export interface FieldProps {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

interface Props {
  label: string;
  hint?: string;
  problem?: string | undefined;
  children: (field: FieldProps) => ReactNode;
}

export function Field({ label, hint, problem, children }: Props) {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": problem ? true : undefined,
      })}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem && <Problem id={`${id}-problem`}>{problem}</Problem>}
    </div>
  );
}

type PasswordProps = Omit<ComponentProps<"input">, "type" | "onChange"> & {
  ref?: Ref<HTMLInputElement>;
  onChange: (value: string) => void;
};

export function PasswordInput({ onChange, ...input }: PasswordProps) {
  const [shown, setShown] = useState(false);
  return (
    <div className="with-button">
      <input
        {...input}
        type={shown ? "text" : "password"}
        onChange={(event) => onChange(event.target.value)}
      />
      <button
        type="button"
        aria-label={shown ? text.hidePassword : text.showPassword}
        onClick={() => setShown(!shown)}
      >
        {shown ? text.hide : text.show}
      </button>
    </div>
  );
}
