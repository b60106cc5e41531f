// The filters above the audit trail: kind, actor, subject, and the days.
import "./filters.css";
import "../../parts/filter.css";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { isolated } from "../../../isolated.ts";
import { activityAdminsQuery, activitySubjectQuery } from "../../api/activity.ts";
import { webhooksQuery } from "../../api/webhooks.ts";
import { titles } from "../../strings.ts";
import { GROUPS, kindsIn } from "./kinds.ts";
import { activity as text } from "./strings.ts";
import { type Filters, isFiltered, NO_FILTERS } from "./use-filters.ts";

interface Props {
  filters: Filters;
  /** The list is of the whole tenant; otherwise it is of one token, and only kinds are offered. */
  ofTenant: boolean;
  onChange: (changed: Partial<Filters>) => void;
}

export function ActivityFilters({ filters, ofTenant, onChange }: Props) {
  return (
    <div className="activity-filters" role="group" aria-label={text.filters}>
      <KindFilter
        kind={filters.kind}
        ofTenant={ofTenant}
        onChange={(kind) => onChange({ kind })}
      />
      {ofTenant && <TenantFilters filters={filters} onChange={onChange} />}
      <DayFilter label={text.since} day={filters.since} onChange={(since) => onChange({ since })} />
      <DayFilter label={text.until} day={filters.until} onChange={(until) => onChange({ until })} />
      {isFiltered(filters) && (
        <button type="button" className="button" onClick={() => onChange(NO_FILTERS)}>
          {text.clear}
        </button>
      )}
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
}

function Select({ label, value, onChange, children }: SelectProps) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </div>
  );
}

interface KindProps {
  kind: string;
  ofTenant: boolean;
  onChange: (kind: string) => void;
}

function KindFilter({ kind, ofTenant, onChange }: KindProps) {
  const groups = ofTenant ? GROUPS : (["tokens"] as const);
  return (
    <Select label={text.filter} value={kind} onChange={onChange}>
      <option value="">{text.everything}</option>
      {groups.map((group) => (
        <optgroup key={group} label={text.group[group]}>
          {ofTenant && <option value={group}>{text.allOf[group]}</option>}
          {kindsIn(group).map((one) => (
            <option key={one} value={one}>
              {text.kind[one]}
            </option>
          ))}
        </optgroup>
      ))}
    </Select>
  );
}

function TenantFilters({ filters: { actor, about }, onChange }: Omit<Props, "ofTenant">) {
  const { data: admins = [] } = useQuery(activityAdminsQuery);
  const { data: webhooks = [] } = useQuery(webhooksQuery);
  const isListed = [...admins, ...webhooks].some(({ id }) => id === about);
  const options = admins.map(({ id, name }) => (
    <option key={id} value={id}>
      {isolated(name)}
    </option>
  ));
  return (
    <>
      <Select label={text.actor} value={actor} onChange={(to) => onChange({ actor: to })}>
        <option value="">{text.anyone}</option>
        {actor !== "" && !admins.some(({ id }) => id === actor) && (
          <option value={actor}>{text.holder}</option>
        )}
        {options}
      </Select>
      <Select label={text.about} value={about} onChange={(to) => onChange({ about: to })}>
        <option value="">{text.anything}</option>
        {about !== "" && !isListed && <OtherSubject id={about} />}
        <optgroup label={titles.admins}>{options}</optgroup>
        {webhooks.length > 0 && (
          <optgroup label={titles.webhooks}>
            {webhooks.map(({ id, url }) => (
              <option key={id} value={id}>
                {isolated(url)}
              </option>
            ))}
          </optgroup>
        )}
      </Select>
    </>
  );
}

/** A token, or a webhook that was removed. */
function OtherSubject({ id }: { id: string }) {
  const { data } = useQuery(activitySubjectQuery(id));
  return <option value={id}>{isolated(data ?? text.other)}</option>;
}

interface DayProps {
  label: string;
  day: string;
  onChange: (day: string) => void;
}

function DayFilter({ label, day, onChange }: DayProps) {
  const id = useId();
  return (
    <div className="filter">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="date"
        value={day}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
