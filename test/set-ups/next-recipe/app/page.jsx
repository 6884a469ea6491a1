export default function Page() {
  return <p>The recipe of the page.</p>;
}
