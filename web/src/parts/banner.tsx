import type { ComponentChildren } from "preact";

export function Banner(props: {
  tone: "bad" | "warn";
  title: string;
  children: ComponentChildren;
}) {
  return (
    <div class={`banner ${props.tone}`} role="alert">
      <span class="mark" aria-hidden="true">
        !
      </span>
      <strong>{props.title}.</strong> <span>{props.children}</span>
    </div>
  );
}
