// The parts of every page: a title, and a heading that takes the focus on navigation.
import "./page.css";
import { type ReactNode, useEffect, useRef } from "react";
import { shared, titles } from "../strings.ts";
import { Isolated } from "./isolated.tsx";

interface Props {
  title: string;
  /** The part of the page that is shown, for the title of the tab and the history entry. */
  part?: string;
  lead?: ReactNode;
  above?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

let isFirstPage = true;

export function Page({ title, part, lead, above, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // On first load a screen reader starts at the top by itself; later only the page changes.
    if (!isFirstPage) heading.current?.focus();
    isFirstPage = false;
  }, []);
  useEffect(() => {
    document.title = titles.ofTab(...(part ? [part] : []), title);
  }, [title, part]);
  return (
    <>
      {above}
      <div className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            <Isolated>{title}</Isolated>
          </h1>
          {lead && <p className="lead" dir="auto">{lead}</p>}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}

export function Loading() {
  return (
    <div className="loading-page" role="status">
      <span className="visually-hidden">{shared.loading}</span>
    </div>
  );
}
