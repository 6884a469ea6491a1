export default function Page() {
  return 'session logs';
}
