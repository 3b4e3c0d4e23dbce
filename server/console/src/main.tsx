import { render } from "preact";
import { followAddress } from "./app/route";
import { Shell } from "./app/shell";
import "./app/style.css";

followAddress();
render(<Shell />, document.getElementById("app") as HTMLElement);
