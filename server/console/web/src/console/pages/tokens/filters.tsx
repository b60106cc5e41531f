// The choices that filter the list.
import "./filters.css";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { isolated } from "../../../isolated.ts";
import { useAllAdmins } from "../../api/all-admins.ts";
import { categoriesQuery } from "../../api/queries.ts";
import { type Filters, isDate, ORGANISATION, type Place, WITHIN_DAYS } from "../../api/token-filter.ts";
import { useViewer } from "../../api/viewer.ts";
import { Field } from "../../parts/field.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { conditions } from "../strings.ts";
import { STATES, UNUSED } from "./place.ts";
import { filters as text } from "./strings.ts";

const DATE = "date";
const LATEST = "9999-12-31";

interface Option {
  value: string;
  label: string;
}

interface Props {
  place: Place;
  onFilter: (changed: Partial<Filters>) => void;
}

export function FilterPanel({ place, onFilter }: Props) {
  return (
    <section className="filters" aria-label={text.region}>
      <Choice
        label={text.state}
        value={place.state}
        any={text.notRevoked}
        options={STATES.map((state) => ({ value: state, label: conditions.state[state] }))}
        onChange={(value) => onFilter({ state: STATES.find((one) => one === value) })}
      />
      <OwnerChoice owner={place.owner} onChange={(owner) => onFilter({ owner })} />
      <Choice
        label={text.unused}
        value={place.unused}
        options={UNUSED.map((value) => ({
          value,
          label: value === "never" ? text.neverUsed : text.unusedFor(value),
        }))}
        onChange={(value) => onFilter({ unused: UNUSED.find((one) => one === value) })}
      />
      <ExpiryChoice expires={place.expires} onChange={(expires) => onFilter({ expires })} />
      <PermissionChoice
        permission={place.permission}
        onChange={(permission) => onFilter({ permission })}
      />
    </section>
  );
}

interface ChoiceProps {
  label: string;
  value: string | undefined;
  /** In words: no filter. */
  any?: string;
  options: readonly Option[];
  onChange: (value: string | undefined) => void;
}

function Choice({ label, value = "", any = text.any, options, onChange }: ChoiceProps) {
  return (
    <Field label={label}>
      {(field) => (
        <select
          {...field}
          value={value}
          onChange={(event) => onChange(event.target.value || undefined)}
        >
          <option value="">{any}</option>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface OwnerProps {
  owner: string | undefined;
  onChange: (owner: string | undefined) => void;
}

function OwnerChoice({ owner, onChange }: OwnerProps) {
  const { tenant } = useViewer();
  const { admins = [], error } = useAllAdmins();
  const people = admins.map(({ id, name }) => ({ value: id, label: isolated(name) }));
  const options = [{ value: ORGANISATION, label: shared.organisation(tenant.name) }, ...people];
  // The admins are not read yet, or the one of the link was removed.
  if (owner !== undefined && !options.some(({ value }) => value === owner)) {
    options.push({ value: owner, label: text.someAdmin });
  }
  return (
    <div>
      <Choice label={text.owner} value={owner} options={options} onChange={onChange} />
      {error !== null && <TroubleNote error={error} />}
    </div>
  );
}

interface ExpiryProps {
  expires: string | undefined;
  onChange: (expires: string | undefined) => void;
}

function ExpiryChoice({ expires, onChange }: ExpiryProps) {
  const date = expires !== undefined && isDate(expires) ? expires : "";
  // A date is a filter only once it is typed whole.
  const [typed, setTyped] = useState(date);
  const [entering, setEntering] = useState(date !== "");
  const [given, setGiven] = useState(expires);
  if (expires !== given) {
    // The address changed otherwise: by "back", or a removed filter.
    setGiven(expires);
    setTyped(date);
    setEntering(date !== "");
  }
  const id = useId();

  function change(to: string | undefined): void {
    setGiven(to);
    if (to !== expires) onChange(to);
  }

  return (
    <div className="filter-dates">
      <Choice
        label={text.expires}
        value={entering ? DATE : expires}
        options={[
          ...WITHIN_DAYS.map((days) => ({ value: days, label: text.within(days) })),
          { value: DATE, label: text.byDate },
        ]}
        onChange={(value) => {
          setEntering(value === DATE);
          setTyped("");
          change(value === DATE ? undefined : value);
        }}
      />
      {entering && (
        <>
          <label className="visually-hidden" htmlFor={id}>
            {text.lastDay}
          </label>
          <input
            id={id}
            type="date"
            max={LATEST}
            value={typed}
            onChange={({ target: { value } }) => {
              setTyped(value);
              change(isDate(value) ? value : undefined);
            }}
          />
        </>
      )}
    </div>
  );
}

interface PermissionProps {
  permission: string | undefined;
  onChange: (permission: string | undefined) => void;
}

function PermissionChoice({ permission, onChange }: PermissionProps) {
  const { data: categories = [], error } = useQuery(categoriesQuery);
  // The catalogue is not read yet, or the endpoint of the link has left it.
  const isMissing =
    permission !== undefined &&
    !categories.some(({ permissions }) => permissions.some(({ key }) => key === permission));
  return (
    <div className="filter-permission">
      <Field label={text.permission}>
        {(field) => (
          <select
            {...field}
            value={permission ?? ""}
            onChange={(event) => onChange(event.target.value || undefined)}
          >
            <option value="">{text.any}</option>
            {isMissing && <option value={permission}>{permission}</option>}
            {categories.map(({ name, permissions }) => (
              <optgroup key={name} label={name}>
                {permissions.map(({ key }) => (
                  <option key={key} value={key}>
                    {key}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        )}
      </Field>
      {error !== null && <TroubleNote error={error} />}
    </div>
  );
}
