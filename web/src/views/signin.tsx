export function SignIn(props: { reason: string }) {
  return (
    <div class="signin">
      <h1>Provline</h1>
      <p>You are not signed in.</p>
      <p>
        Open the one-time address that <code>provline demo --keep</code> or your administrator gives
        you. It works once, for ten minutes.
      </p>
      {props.reason && <p class="quiet small">{props.reason}</p>}
    </div>
  );
}
