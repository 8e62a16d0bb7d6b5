export default function InspectPage(_: { query: URLSearchParams }) {
  return <main>inspect</main>;
}
