// Keeps an error in one view from taking the whole page away.

import { Component, type ComponentChildren } from "preact";
import { texts } from "../texts";

interface State {
  error: unknown;
}

/** Shows what failed instead of its children. */
export class Boundary extends Component<{ children: ComponentChildren }, State> {
  static override getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override state: State = { error: undefined };

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <main class="empty">
        <h2>{texts.app.failed}</h2>
        <p>{texts.app.failedHelp}</p>
        <p class="mono">{error instanceof Error ? error.message : String(error)}</p>
        <button type="button" class="button" onClick={() => this.setState({ error: undefined })}>
          {texts.app.reloadView}
        </button>
      </main>
    );
  }
}
