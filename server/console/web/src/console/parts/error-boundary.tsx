// Replaces a page that fails, or whose code cannot be loaded, by a message; the rest stays usable.
import { Component, type ReactNode } from "react";
import { session } from "../../strings.ts";
import { Trouble } from "../trouble.ts";
import { FailedPage } from "./failed-page.tsx";

interface Props {
  /** Resets at another address, so that one failed page does not block the others. */
  address: string;
  children: ReactNode;
}

interface State {
  trouble: unknown;
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { trouble: undefined };

  static getDerivedStateFromError(error: unknown): State {
    // A browser that cannot load a module throws a plain TypeError.
    return { trouble: navigator.onLine ? error : new Trouble(session.offline) };
  }

  override componentDidUpdate(before: Props): void {
    if (before.address !== this.props.address) this.setState({ trouble: undefined });
  }

  override render(): ReactNode {
    const { trouble } = this.state;
    if (trouble === undefined) return this.props.children;
    return <FailedPage error={trouble} />;
  }
}
