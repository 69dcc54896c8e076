// What can be told of a card without asking anybody: brand, grouping, check digit, expiry.
export const digitsOf = (text) => text.replace(/\D/g, "");

const BRANDS = [
  ["amex", /^3[47]/, [15], 4],
  ["mastercard", /^(5[1-5]|2[2-7])/, [16], 3],
  ["discover", /^(6011|65)/, [16], 3],
  ["visa", /^4/, [16], 3],
];
const OTHER = ["", null, [16, 17, 18, 19], 3];

const rulesOf = (text) => BRANDS.find(([, pattern]) => pattern.test(digitsOf(text))) || OTHER;

export const brandOf = (text) => rulesOf(text)[0];

const passesLuhn = (digits) =>
  [...digits].reverse().reduce((sum, digit, place) => {
    const doubled = place % 2 ? digit * 2 : Number(digit);
    return sum + (doubled > 9 ? doubled - 9 : doubled);
  }, 0) % 10 === 0;

// each check returns the code of what is wrong, or null
export function checkNumber(text) {
  const digits = digitsOf(text);
  const lengths = rulesOf(text)[2];
  if (digits.length < lengths[0]) return "incomplete_number";
  return lengths.includes(digits.length) && passesLuhn(digits) ? null : "invalid_number";
}

export function checkExpiry(text, today) {
  const match = /^(\d{2}) ?\/ ?(\d{2}|\d{4})$/.exec(text.trim());
  if (!match) return "incomplete_expiry";
  const month = Number(match[1]);
  const year = Number(match[2]) + (match[2].length === 2 ? 2000 : 0);
  if (month < 1 || month > 12) return "invalid_expiry_month";
  if (year < today.getFullYear()) return "invalid_expiry_year_past";
  if (year > today.getFullYear() + 50) return "invalid_expiry_year";
  return year === today.getFullYear() && month < today.getMonth() + 1 ? "invalid_expiry_month_past" : null;
}

export function checkCvc(text, brand) {
  const length = brand === "amex" ? 4 : 3;
  return digitsOf(text).length === length ? null : "incomplete_cvc";
}

// keeps the caret after the same digit while the groups move
function rewrite(input, text) {
  const before = digitsOf(input.value.slice(0, input.selectionStart)).length;
  const isAtEnd = input.selectionStart === input.value.length;
  if (input.value === text) return;
  input.value = text;
  let place = 0;
  for (let seen = 0; place < text.length && seen < before; place += 1) if (/\d/.test(text[place])) seen += 1;
  const caret = isAtEnd ? text.length : place;
  input.setSelectionRange(caret, caret);
}

export function formatNumber(input) {
  const digits = digitsOf(input.value).slice(0, 19);
  const groups = brandOf(digits) === "amex" ? /^(\d{0,4})(\d{0,6})(\d{0,5})/ : /^(\d{0,4})(\d{0,4})(\d{0,4})(\d{0,7})/;
  rewrite(input, groups.exec(digits).slice(1).filter(Boolean).join(" "));
}

export function formatExpiry(input) {
  let digits = digitsOf(input.value).slice(0, 6);
  if (/^[2-9]$/.test(digits)) digits = `0${digits}`;
  const isErasing = input.dataset.length > input.value.length;
  const text = digits.length > 2 || (digits.length === 2 && !isErasing) ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits;
  rewrite(input, text);
  input.dataset.length = input.value.length;
}
