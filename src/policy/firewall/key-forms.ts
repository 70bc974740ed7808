import type { HeadForm } from "./head-form.ts";

/**
 * The published forms of keys, each with a beginning of its own. Lengths are bounded, and what follows is what the vendor makes keys of, so that words of
 * prose do not look like one.
 */
export const keyForms: readonly HeadForm[] = [
  // Anthropic
  { heads: ["sk-ant-"], rest: String.raw`[\w-]{20,200}` },
  // OpenAI
  { heads: ["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"], rest: String.raw`[\w-]{20,250}` },
  // OpenRouter
  { heads: ["sk-or-v1-"], rest: String.raw`[\da-f]{40,64}` },
  // OpenAI and others
  { heads: ["sk-"], rest: String.raw`[A-Za-z\d]{32,64}` },
  // this gateway
  { heads: ["tok_"], rest: String.raw`[\w-]{16,64}` },
  // AWS
  { heads: ["AKIA", "ASIA"], rest: "[A-Z2-7]{16}" },
  // Google
  { heads: ["AIza"], rest: String.raw`[\w-]{35}` },
  // Google OAuth
  { heads: ["ya29."], rest: String.raw`[\w-]{20,300}` },
  { heads: ["GOCSPX-"], rest: String.raw`[\w-]{28}` },
  // GitHub
  { heads: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], rest: String.raw`[A-Za-z\d]{36,251}` },
  { heads: ["github_pat_"], rest: String.raw`\w{60,100}` },
  // GitLab
  { heads: ["glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glsoat-", "glagent-"], rest: String.raw`[\w-]{20,64}` },
  // Slack
  { heads: ["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"], rest: String.raw`[\w-]{10,200}` },
  { heads: ["https://hooks.slack.com/services/T"], rest: String.raw`\w{6,14}/B\w{6,14}/\w{20,32}` },
  // Stripe
  { heads: ["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"], rest: String.raw`[A-Za-z\d]{16,99}` },
  // npm
  { heads: ["npm_"], rest: String.raw`[A-Za-z\d]{36}` },
  // PyPI
  { heads: ["pypi-AgEIcHlwaS5vcmc"], rest: String.raw`[\w-]{50,200}` },
  // Hugging Face
  { heads: ["hf_"], rest: "[A-Za-z]{34}" },
  // Groq
  { heads: ["gsk_"], rest: String.raw`[A-Za-z\d]{40,60}` },
  // xAI
  { heads: ["xai-"], rest: String.raw`[A-Za-z\d]{60,100}` },
  // Replicate
  { heads: ["r8_"], rest: String.raw`[A-Za-z\d]{37}` },
  // Perplexity
  { heads: ["pplx-"], rest: String.raw`[A-Za-z\d]{40,64}` },
  // SendGrid
  { heads: ["SG."], rest: String.raw`[\w-]{22}\.[\w-]{43}` },
  // Twilio
  { heads: ["SK"], rest: String.raw`[\da-f]{32}` },
  // DigitalOcean
  { heads: ["doo_v1_", "dop_v1_", "dor_v1_"], rest: String.raw`[\da-f]{64}` },
  // Databricks
  { heads: ["dapi"], rest: String.raw`[\da-f]{32}` },
  // Vault
  { heads: ["hvs.", "hvb.", "hvr."], rest: String.raw`[\w-]{24,200}` },
  // JSON Web Tokens: base64url of two JSON objects, and a signature
  { heads: ["eyJ"], rest: String.raw`[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{20,1500}` },
];
